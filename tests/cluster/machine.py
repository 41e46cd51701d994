"""The package index that this machine uses, as settings of a stack's build: with its login and its authorities.

Behind a proxy or a private index a build in a pod needs what pip on this machine needs; users hand it over likewise.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from tests.cluster.buildah import DEFAULT_INDEX, machine_authorities, machine_index
from tests.cluster.indexes import index_login
from tests.cluster.services import Login

_NAME = "package-index"


def index_settings() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what to add to ``spec.build``, and the objects that it refers to.

    The ConfigMap is larger than what client-side apply can note in an annotation: use server-side apply.
    """
    parts = urllib.parse.urlsplit(machine_index())
    place = parts.netloc.rpartition("@")[2]
    url = parts._replace(netloc=place).geturl()
    kind = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}}
    objects: list[dict[str, Any]] = [{**kind, "data": {"ca.crt": machine_authorities()}}]
    build: dict[str, Any] = {"caBundleRef": {"name": _NAME, "key": "ca.crt"}}
    if url != DEFAULT_INDEX:
        build["pip"] = {"indexUrl": url}
    if parts.username:
        login = Login(urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
        objects.append(index_login(_NAME, login))
        build["pip"]["secretRef"] = {"name": _NAME}
    return build, objects
