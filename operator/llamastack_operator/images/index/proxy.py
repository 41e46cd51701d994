"""The program `index`: a package index for the container beside it, which has no credentials of its own.

It listens on the loopback address of the pod. Under `/index/N/simple/` stands the build's index number N, under
`/named/NAME/simple/` a named one; links on the pages lead back here, by a token. Below `/for/312`, both leave out
wheels that a CPython 3.12 of this machine could not install. It fetches no address but those that a page of the
indexes named, so it is no way into the network, and what it sends never holds a credential.
`/status` says what went wrong, for pip passes over an index that does not answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import signal
import sys
from collections import OrderedDict
from collections.abc import Sequence

import aiohttp
from aiohttp import web

from llamastack_contract.paths import INDEX_HOST, INDEX_PORT, PREPARE
from llamastack_installer.failure import FailureError
from llamastack_installer.inputs import read_build
from llamastack_operator.images.index.client import IndexClient, IndexProblem
from llamastack_operator.images.index.fit import fitting
from llamastack_operator.images.index.options import add_options, client_of
from llamastack_operator.images.index.pages import (
    HTML_TYPE,
    JSON_TYPE,
    IndexFile,
    every_file,
    file_path,
    render_html,
    render_json,
)

ERROR_HEADER = "X-Llamastack-Index-Error"
# pip tries again after 5xx; what helps was tried here already.
FAILED_DEPENDENCY = 424
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_MOST_FILES = 300_000
_MOST_PROBLEMS = 100
_CHUNK = 2**16
_ASKED = ("Range", "If-Range")
_ANSWERED = ("Content-Range", "Accept-Ranges", "ETag", "Last-Modified")


class Proxy:
    """Answers pip.

    Args:
        client: gets pages and files.
    """

    def __init__(self, client: IndexClient) -> None:
        self._client = client
        self._files: OrderedDict[tuple[str, str], IndexFile] = OrderedDict()
        self._problems: OrderedDict[str, tuple[str, IndexProblem]] = OrderedDict()

    def application(self) -> web.Application:
        """Return the routes."""
        application = web.Application()
        application.router.add_get("/status", self.status)
        for prefix in ("/index/{number:[0-9]+}", "/named/{name}"):
            application.router.add_get(f"{prefix}/simple/{{project}}/", self.page)
            application.router.add_get(f"/for/{{python:[0-9]+}}{prefix}/simple/{{project}}/", self.page)
            application.router.add_get(f"{prefix}/file/{{token}}/{{filename}}", self.file, allow_head=False)
        return application

    async def status(self, _: web.Request) -> web.Response:
        """Tell which addresses could not be got, and why; one that was got later is not among them."""
        errors = [
            {"index": key, "kind": problem.kind, "status": problem.status, "message": problem.message}
            for key, problem in self._problems.values()
        ]
        return web.json_response({"errors": errors})

    async def page(self, request: web.Request) -> web.Response:
        """Answer with a project's page."""
        key, project = _key(request), request.match_info["project"]
        if key not in self._client.indexes or not _PROJECT.fullmatch(project):
            return web.Response(status=404, text="no such index or project")
        where, python = f"{key}/{project}", request.match_info.get("python")
        try:
            files = await self._client.page(key, project, fitting(python) if python else every_file)
        except IndexProblem as problem:
            return self._failed(where, key, problem)
        self._problems.pop(where, None)

        def link(file: IndexFile) -> str:
            return file_path(key, self._remember(key, file), file.filename)

        if JSON_TYPE in request.headers.get("Accept", JSON_TYPE) or "json" in request.headers.get("Accept", ""):
            return web.Response(text=render_json(project, files, link), content_type=JSON_TYPE)
        return web.Response(text=render_html(project, files, link), content_type=HTML_TYPE)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Pass on a file, or its metadata, that a page named."""
        key, filename = _key(request), request.match_info["filename"]
        file = self._files.get((key, request.match_info["token"]))
        metadata = file is not None and file.metadata is not False and filename == f"{file.filename}.metadata"
        if file is None or not (metadata or filename == file.filename):
            return web.Response(status=404, text="no page of an index has named this file")
        url = f"{file.url}.metadata" if metadata else file.url
        asked = {name: request.headers[name] for name in _ASKED if name in request.headers}
        try:
            async with self._client.get(url, {"Accept-Encoding": "identity", **asked}) as answer:
                self._problems.pop(f"{key}/{file.url}", None)
                return await _stream(request, answer)
        except IndexProblem as problem:
            return self._failed(f"{key}/{file.url}", key, problem)

    def _remember(self, key: str, file: IndexFile) -> str:
        token = hashlib.sha256(file.url.encode()).hexdigest()[:32]
        self._files[key, token] = file
        self._files.move_to_end((key, token))
        while len(self._files) > _MOST_FILES:
            self._files.popitem(last=False)
        return token

    def _failed(self, where: str, key: str, problem: IndexProblem) -> web.Response:
        if problem.kind == "absent":
            return web.Response(status=404, text=problem.message, headers={ERROR_HEADER: problem.kind})
        self._problems[where] = (key, problem)
        while len(self._problems) > _MOST_PROBLEMS:
            self._problems.popitem(last=False)
        return web.Response(status=FAILED_DEPENDENCY, text=problem.message, headers={ERROR_HEADER: problem.kind})


async def _stream(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
    # pip keeps the file in its cache between resolving and installing.
    headers |= {"Content-Type": "application/octet-stream", "Cache-Control": "max-age=86400"}
    response = web.StreamResponse(status=answer.status, headers=headers)
    if answer.content_length is not None and "Content-Encoding" not in answer.headers:
        response.content_length = answer.content_length
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_chunked(_CHUNK):
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError):
        # The answer has begun: pip must see it broken off, and asks for the rest.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


def _key(request: web.Request) -> str:
    number = request.match_info.get("number")
    return f"index/{int(number)}" if number is not None else f"named/{request.match_info['name']}"


async def serve(client: IndexClient, host: str, port: int) -> None:
    """Serve until the process is told to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with client:
        runner = web.AppRunner(Proxy(client).application(), access_log=None, handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        sys.stdout.write(json.dumps({"serving": f"http://{host}:{bound}", "indexes": len(client.indexes)}) + "\n")
        sys.stdout.flush()
        await stopped.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runner.cleanup(), 5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0 after a stop, 1 where it could not start."""
    parser = argparse.ArgumentParser(prog="index", description="Serve the build's package indexes on loopback.")
    parser.add_argument("--host", default=INDEX_HOST, help="address to listen on")
    parser.add_argument("--port", type=int, default=INDEX_PORT, help="port to listen on; 0 for any")
    add_options(parser)
    options = parser.parse_args(arguments)
    try:
        client = client_of(read_build(options.build, options.inputs_digest), options)
        asyncio.run(serve(client, options.host, options.port))
    except FailureError as error:
        sys.stderr.write(f"{error.reason}: {error.message}\n")
        error.last_words(PREPARE).leave(options.termination_log)
        return 1
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
