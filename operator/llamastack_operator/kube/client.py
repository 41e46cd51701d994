"""A thin layer over `kubernetes.aio`: its configuration, TLS and tokens, but dicts in and dicts out.

The typed models cost 15 times as much per object as a dict (docs/decisions/0003), and server-side apply wants
exactly the fields that were decided on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.kube.echo import IsKnown, head_of
from llamastack_operator.kube.lines import lines
from llamastack_operator.kube.patch_text import yaml_of
from llamastack_operator.kube.responses import slim_responses
from llamastack_operator.kube.told import Told
from llamastack_operator.objects.bounded_json import loads
from llamastack_operator.objects.fields import digits
from llamastack_operator.objects.resources import Resource

# With its charset, the library below takes what is encoded already; the API server drops it.
APPLY_PATCH = "application/apply-patch+yaml;charset=utf-8"
METADATA_ONLY = "application/json;as=PartialObjectMetadata{suffix};g=meta.k8s.io;v=v1"
USER_AGENT = f"{FIELD_MANAGER}/{version('llamastack-operator')}"
LONGEST_PAGE = 8 << 20
"""Most bytes of a page of more than one object: decoded it can take ten times that."""
REQUEST_TIMEOUT = 30.0
"""Seconds that one request may take."""

Object = dict[str, Any]


class LongPageError(Exception):
    """A page of a list has more bytes than are read at once; one of fewer objects may have less."""


class ApiError(Exception):
    """The API server answered with a `Status` that is no success.

    Attributes:
        code: the HTTP status.
        reason: the machine-readable reason, for example `NotFound`.
        message: the API server's words.
        causes: field and message of each single cause, where the server named them.
        retry_after: seconds to wait, where the server said so.
        namespace_terminating: whether the namespace is on its way out, and everything in it with it.
    """

    def __init__(self, code: int, body: Mapping[str, Any], retry_after: float | None = None) -> None:
        details = body.get("details") or {}
        self.code = code
        self.reason = str(body.get("reason") or "")
        self.message = str(body.get("message") or f"HTTP status {code}")
        self.causes = [
            (str(cause.get("field") or ""), str(cause.get("message") or "")) for cause in details.get("causes") or []
        ]
        asked = details.get("retryAfterSeconds")
        self.retry_after = retry_after or (float(asked) if isinstance(asked, int) else None)
        self.namespace_terminating = any(
            cause.get("reason") == "NamespaceTerminating" for cause in details.get("causes") or []
        )
        super().__init__(self.message)


class Client:
    """Requests to one API server.

    Args:
        configuration: where the server is and how to log in, as `kubernetes.aio` loads it.

    Attributes:
        answers: how often it answered, by HTTP method, kind (as in the API's paths) and status.
    """

    def __init__(self, configuration: Configuration) -> None:
        configuration.connection_pool_maxsize = 64
        # Proxies of the environment are for builds; a kubeconfig names its own. And for each request aiohttp would look
        # for them, and for a netrc file, in a thread each: a quarter of the CPU time of a pass.
        configuration.client_session_kwargs = {"trust_env": False}
        self.configuration = configuration
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self._rest = RESTClientObject(configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._rest.close()

    async def session(self, told: Told) -> aiohttp.ClientSession:
        """Return a new session, logged in with the credentials of now, for kopf's own requests.

        Args:
            told: where it is noted what kopf is told of LlamaStacks.
        """
        headers = {"User-Agent": USER_AGENT}
        for setting in (await self.configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        connector = aiohttp.TCPConnector(limit=0, ssl=self._rest.ssl_context)
        proxy = self.configuration.proxy
        return aiohttp.ClientSession(
            connector=connector, headers=headers, proxy=proxy, response_class=slim_responses(told), trust_env=False
        )

    async def get(self, resource: Resource, namespace: str, name: str, metadata_only: bool = False) -> Object | None:
        """Return an object, or None where it does not exist."""
        accept = METADATA_ONLY.format(suffix="") if metadata_only else None
        try:
            return await self._call("GET", resource.path(namespace, name), accept=accept)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def list_page(
        self, resource: Resource, namespace: str | None, query: Mapping[str, str], metadata_only: bool = False
    ) -> Object:
        """Return one page of a collection; `items` may be null.

        Raises:
            LongPageError: it is longer than `LONGEST_PAGE`, and more than one object was asked for.
            ApiError: the API server refused.
        """
        accept = METADATA_ONLY.format(suffix="List") if metadata_only else None
        response = await self._send("GET", resource.path(namespace), query=query, accept=accept)
        async with response:
            if response.status >= 300:
                raise await _error(response)
            parts: list[bytes] = []
            size = 0
            async for part in response.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > LONGEST_PAGE and query.get("limit") != "1":
                    response.close()
                    raise LongPageError
            page: Object = loads(b"".join(parts))
            return page

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        query: Mapping[str, str],
        metadata_only: bool = False,
        is_known: IsKnown = lambda _: False,
    ) -> AsyncGenerator[Object]:
        """Yield the events of a watch until the server closes it.

        Args:
            resource: the kind.
            namespace: the namespace, or None for all.
            query: the parameters.
            metadata_only: ask for metadata alone.
            is_known: tells what need not be read: in its place a bookmark of its version is yielded.

        Raises:
            ApiError: the API server refused.
        """
        accept = METADATA_ONLY.format(suffix="") if metadata_only else None
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_TIMEOUT, sock_read=None)
        query = {**query, "watch": "true"}
        response = await self._send("GET", resource.path(namespace), query=query, accept=accept, limit=timeout)
        try:
            if response.status != 200:
                raise await _error(response)
            async for line in lines(response.content.iter_any()):
                head = head_of(line)
                if head is not None and is_known(head):
                    yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(head.version)}}}
                else:
                    yield loads(line)
        finally:
            response.close()

    async def apply(
        self,
        resource: Resource,
        body: Object,
        subresource: str | None = None,
        manager: str = FIELD_MANAGER,
        metadata_only: bool = False,
    ) -> Object:
        """Server-side apply (KEP-555) with force: the fields in `body` are ours."""
        metadata = body["metadata"]
        return await self._call(
            "PATCH",
            resource.path(metadata["namespace"], metadata["name"], subresource),
            query={"fieldManager": manager, "force": "true"},
            body=yaml_of(body),
            content_type=APPLY_PATCH,
            accept=METADATA_ONLY.format(suffix="") if metadata_only else None,
        )

    async def log(self, namespace: str, pod: str, container: str, limit: int, tail: int | None = None) -> str:
        """Return the log of a container of a build; empty where there is none any more.

        Args:
            namespace: the pod's namespace.
            pod: its name.
            container: the container's name.
            limit: most bytes that the API server sends.
            tail: only this many last lines.
        """
        query = {"container": container, "limitBytes": str(limit)}
        if tail is not None:
            query["tailLines"] = str(tail)
        response = await self._send("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query=query)
        async with response:
            if response.status in (400, 404):
                return ""
            if response.status >= 300:
                raise await _error(response)
            log = b""
            # One read returns what has come so far, not the whole.
            while len(log) < limit and (part := await response.content.read(limit - len(log))):
                log += part
            return log.decode(errors="replace")

    async def create(self, resource: Resource, body: Object) -> Object:
        """Create an object."""
        path = resource.path(body["metadata"]["namespace"])
        return await self._call("POST", path, query={"fieldManager": FIELD_MANAGER}, body=body)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Merge a patch into an object (RFC 7386); with a resourceVersion in it only into that version."""
        return await self._call(
            "PATCH",
            resource.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type="application/merge-patch+json",
        )

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: int | None = None) -> None:
        """Delete the object of that very UID; one that is gone or was replaced is left alone.

        Args:
            resource: its kind.
            namespace: its namespace.
            name: its name.
            uid: its UID.
            version: the only resourceVersion that may be deleted; another is a conflict.

        Raises:
            ApiError: the API server refused; 409 where the object is of another version.
        """
        conditions = {"uid": uid} if version is None else {"uid": uid, "resourceVersion": str(version)}
        options = {"preconditions": conditions, "propagationPolicy": "Background"}
        try:
            await self._call("DELETE", resource.path(namespace, name), body=options)
        except ApiError as error:
            if error.code != 404 and (error.code != 409 or version is not None):
                raise

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | bytes | None = None,
        content_type: str = "application/json",
        accept: str | None = None,
    ) -> Object:
        response = await self._send(method, path, query, body, content_type, accept)
        async with response:
            if response.status >= 300:
                raise await _error(response)
            result: Object = loads(await response.read())
            return result

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | bytes | None = None,
        content_type: str = "application/json",
        accept: str | None = None,
        limit: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        headers = {"Content-Type": content_type, "Accept": accept or "application/json", "User-Agent": USER_AGENT}
        for setting in (await self.configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        url = f"{self.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        answer = await self._rest.request(
            method,
            url,
            headers=headers,
            body=body,
            _request_timeout=limit or aiohttp.ClientTimeout(REQUEST_TIMEOUT),
        )
        response: aiohttp.ClientResponse = answer.response
        self.answers[method, _plural(path), response.status] += 1
        return response


def _plural(path: str) -> str:
    """Return the kind that a path of the API is about, with its subresource where it has one."""
    steps = path.split("/")[3 if path.startswith("/api/") else 4 :]
    if len(steps) > 2 and steps[0] == "namespaces":
        steps = steps[2:]
    return "/".join(steps[:1] + steps[2:3])


async def _error(response: aiohttp.ClientResponse) -> ApiError:
    text = await response.text(errors="replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = {"message": text[:512]}
    wait = digits(response.headers.get("Retry-After", ""))
    return ApiError(response.status, body if isinstance(body, dict) else {}, None if wait is None else float(wait))


async def load_configuration() -> Configuration:
    """Return how to reach the API server: from inside a pod, else from the kubeconfig.

    Raises:
        kubernetes.aio.config.ConfigException: there is neither.
    """
    configuration = Configuration()
    try:
        kubernetes_config.load_incluster_config(client_configuration=configuration)
    except kubernetes_config.ConfigException:
        await kubernetes_config.load_kube_config(client_configuration=configuration)
    return configuration
