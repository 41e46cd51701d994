"""Attacks on builds, on a real node: by a module's code, by another tenant, by whoever may write to a registry."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.fixtures import temporary_namespace
from tests.cluster.kubectl import KubectlError
from tests.cluster.node import Node
from tests.cluster.registries import docker_config
from tests.cluster.services import Login, Server
from tests.e2e.bench import BUILT_WITHIN, NAME, PUSHER, READER, WRONG, Bench
from tests.e2e.installation import NAMESPACE
from tests.e2e.operator import Stacks, eventually
from tests.e2e.spy import FORGED, ROOT_MOVED, TRICKS, spy, trickster
from tests.matrix import full_matrix
from tests.packages.build import make_source, make_wheel

pytestmark = pytest.mark.node

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INTERNAL = "internal-answer-that-nobody-may-see"


def operators_pod(node: Node) -> dict[str, Any]:
    (pod,) = node.kubectl.json("get", "pods", "-n", NAMESPACE, "--field-selector=status.phase=Running")["items"]
    found: dict[str, Any] = pod
    return found


def secrets_of(*logins: Login) -> set[str]:
    pairs = {base64.b64encode(f"{login.user}:{login.password}".encode()).decode() for login in logins}
    return pairs | {login.password for login in logins}


@full_matrix
def test_code_of_a_module_finds_no_credential_and_its_forgeries_are_not_believed(
    serving: Bench, tmp_path: Path
) -> None:
    operator = operators_pod(serving.node)
    repository = f"{serving.registry.host}/{serving.repository}"
    package, backend = spy(f"http://{operator['status']['podIP']}:8080", repository)
    make_source(package, serving.folder, backend)
    with serving.node.start_index("auth.index.local", serving.folder, login=READER) as index:
        pip = {"indexUrl": index.simple, "secretRef": {"name": "index"}, "allowSourceDistributions": True}
        serving.apply(serving.body("demo-spy==1.0", pip=pip))
        pod = serving.build_pod()
        serving.recovers()
        assert any(line.startswith(READER.user) for line in index.requests()), "the sidecar did log in"

    files = serving.layer(tmp_path)
    reports = [path.read_text("utf-8") for path in files.rglob("found-by-*.txt")]
    assert len(reports) == 2, "the module's code ran, in its build and at its import"
    build = serving.build()
    log = serving.stacks.kubectl("logs", pod, "-c", "install")
    everything = [path.read_text("latin-1") for path in files.rglob("*") if path.is_file()]
    for secret in secrets_of(PUSHER, READER):
        assert not [text for text in (*everything, log, json.dumps(build)) if secret in text]
    for report in reports:
        lines = report.splitlines()
        assert any(line.startswith("file /llamastack/inputs/build.json") for line in lines), "it read what it may"
        assert not any(line.startswith("file /llamastack/credentials") for line in lines)
        assert not any(line.startswith("file /var/run/secrets") for line in lines)
        assert not any(line.startswith("file /run/secrets") for line in lines)
        assert not any(line.startswith("file /proc/") and "/root/llamastack/credentials" in line for line in lines)
        assert [line for line in lines if line.startswith("open port")] == ["open port 8780"]
        assert any(line.startswith("answer http://127.0.0.1:8780/index/0/simple/demo-spy/ 200") for line in lines)
        assert not any(line.startswith("answer https://kubernetes.default.svc/api/v1/secrets") for line in lines)
        answers = [line for line in lines if line.startswith(f"answer http://{operator['status']['podIP']}")]
        assert all("/healthz 200" in line for line in answers), answers

    image = build["status"]["image"]
    assert FORGED not in json.dumps(build)
    stored = serving.registry.manifest(serving.repository, image.partition("@")[2])
    assert stored["layers"]


@full_matrix
@pytest.mark.parametrize("trick", TRICKS)
def test_files_of_a_layer_that_lead_out_of_it_are_refused(trick: str, serving: Bench) -> None:
    serving.repository = f"cases/{trick}"
    make_wheel(trickster(trick), serving.folder)
    serving.apply(serving.body(f"demo-{trick}==1.0"))
    found = serving.refused()
    expected = "ModuleImportFailed" if trick == ROOT_MOVED else "Tampered"
    assert found["ImageReady"]["reason"] == expected, found["ImageReady"]
    assert serving.registry.tags(serving.repository) == []


@full_matrix
def test_another_namespace_gets_nothing_of_a_build_without_credentials_of_its_own(serving: Bench) -> None:
    serving.apply(serving.body())
    serving.recovers()
    for namespace in temporary_namespace(serving.node.kubectl):
        other = Stacks(serving.node.kubectl.within(namespace))
        other.kubectl.apply(docker_config("push", {serving.registry.host: WRONG}))
        other.kubectl.apply(serving.body())

        def refused(other: Stacks = other) -> bool:
            found = other.conditions(NAME)["ImageReady"]
            assert (found["status"], found["reason"]) == ("False", "RegistryUnauthorized"), found
            return True

        eventually(refused, BUILT_WITHIN)
        (theirs,) = other.kubectl.json("get", "llamastackbuilds")["items"]
        assert "image" not in theirs["status"]
        assert theirs["spec"]["key"] == serving.build()["spec"]["key"], "the inputs are the same"
        assert other.get("deployment", NAME) is None


@full_matrix
def test_tag_that_somebody_moves_changes_nothing_that_runs(serving: Bench) -> None:
    serving.apply(serving.body())
    serving.recovers()
    serving.stacks.kubectl("wait", "--for=condition=Ready", f"llamastack/{NAME}", "--timeout=180s", timeout=200)
    build = serving.build()
    image, key = build["status"]["image"], build["spec"]["key"]
    (tag,) = [tag for tag in serving.registry.tags(serving.repository) if not tag.startswith("sha256-")]
    manifest = serving.registry.manifest(serving.repository, tag)
    manifest["annotations"] = {"moved": "by somebody who may push"}
    place = f"/v2/{serving.repository}/manifests/{tag}"
    put = ["--request", "PUT", "--header", f"Content-Type: {OCI_MANIFEST}", "--data-binary", json.dumps(manifest)]
    serving.registry.curl(place, *put)
    assert serving.registry.manifest(serving.repository, tag)["annotations"] == manifest["annotations"]

    before = serving.pods()
    serving.stacks.kubectl("delete", "pods", "-l", f"llamastack.dev/stack={NAME}", "--wait=false")
    eventually(lambda: serving.pods() and not serving.pods() & before, BUILT_WITHIN)
    for pod in serving.stacks.kubectl.json("get", "pods", "-l", f"llamastack.dev/stack={NAME}")["items"]:
        if "deletionTimestamp" not in pod["metadata"]:
            assert pod["spec"]["containers"][0]["image"] == image
            assert pod["status"]["containerStatuses"][0]["imageID"].endswith(image.partition("@")[2])
    assert serving.build()["status"]["image"] == image
    assert serving.build()["spec"]["key"] == key


LISTENER = """
import http.server, sys
host, _, port = sys.argv[1].rpartition(":")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("peer", self.client_address[0], self.command, self.path, flush=True)
        body = sys.argv[2].encode()
        self.send_response(int(sys.argv[3]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


class Listener(Server):
    """Something inside the cluster that is no registry, and that records who talks to it."""

    answer = 200

    def argv(self, address: str, port: int) -> list[str]:
        return [sys.executable, "-c", LISTENER, f"{address}:{port}", INTERNAL, str(self.answer)]


@full_matrix
def test_repository_that_points_inwards_is_talked_to_by_the_builds_pod_alone_and_tells_nothing(
    serving: Bench,
) -> None:
    operator = operators_pod(serving.node)["status"]["podIP"]
    with Listener(serving.node, "other.registry.local", 5001) as inside:
        serving.apply(serving.body(repository=f"{inside.host}/internal/admin"))
        pod = serving.build_pod(lambda pod: bool(pod["status"].get("podIP")))
        address = serving.stacks.kubectl.json("get", "pod", pod)["status"]["podIP"]
        serving.refused()
        peers = {line.split()[1] for line in inside.log.splitlines() if line.startswith("peer")}
    assert address in peers
    assert operator not in peers
    told = [serving.stacks.kubectl("get", kind, "-o", "json") for kind in ("llamastacks", "llamastackbuilds", "events")]
    assert not [text for text in told if INTERNAL in text]


@full_matrix
def test_pod_of_a_build_cannot_be_made_to_run_another_image(serving: Bench) -> None:
    serving.apply(serving.body("demo-slow==8"))
    pod = serving.build_pod()
    for container in ("install", "push"):
        patch = {"spec": {"containers" if container == "push" else "initContainers": [{"name": container}]}}
        (entries,) = patch["spec"].values()
        entries[0]["image"] = "docker.io/library/python:3.13-slim"
        with pytest.raises(KubectlError, match="only the operator writes the objects of its builds"):
            serving.stacks.kubectl("patch", "pod", pod, "--type=strategic", "-p", json.dumps(patch))
    serving.recovers()
