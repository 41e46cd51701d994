"""What `llamastack containerfile` prints is built by buildah of Debian, and what it builds serves.

The server is started from the image as its entrypoint says, as the image's user, and asked for its providers.
"""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.cli import main
from tests.cluster.buildah import build_image, buildah
from tests.cluster.errors import CannotRunError, ClusterError
from tests.cluster.fixtures import cannot_run
from tests.cluster.images import PYTHON_IMAGE, STARTER_IMAGE, ensure_images
from tests.cluster.processes import free_port
from tests.matrix import full_matrix
from tests.pins import pins

FMS = {
    "provider_id": "fms",
    "provider_type": "remote::trustyai_fms",
    "module": "llama_stack_provider_trustyai_fms==0.4.0",
    "config": {
        "orchestrator_url": "http://127.0.0.1:9",
        "shields": {"a": {"type": "content", "confidence_threshold": 0.5, "message_types": ["user"], "detectors": {}}},
    },
}
# Its get_provider_spec() asks for cryptography, which it does not require itself: the second pass.
CSOAI = {
    "provider_id": "csoai",
    "provider_type": "remote::csoai",
    "module": "llama_stack_provider_csoai",
    "config": {"did_json": "/opt/llamastack/home/did.json"},
}
FILES = {"provider_id": "files", "provider_type": "inline::localfs"}
FILES["config"] = {  # type: ignore[assignment]
    "storage_dir": "/tmp/files",
    "metadata_store": {"backend": "sql_default", "table_name": "files"},
}


def manifest(distribution: dict[str, Any], providers: dict[str, Any]) -> dict[str, Any]:
    spec = {"distribution": distribution, "runConfig": {"version": 2, "distro_name": "bot", "providers": providers}}
    spec["build"] = {"pip": {"constraints": [*pins("0.7.3"), "colorama==0.4.6"]}}
    return {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack", "metadata": {"name": "bot"}, "spec": spec}


def storage() -> dict[str, Any]:
    return {
        "backends": {
            "kv_default": {"type": "kv_sqlite", "db_path": "/opt/llamastack/home/kv.db"},
            "sql_default": {"type": "sql_sqlite", "db_path": "/opt/llamastack/home/sql.db"},
        },
        "stores": {
            "metadata": {"backend": "kv_default", "namespace": "registry"},
            "inference": {"backend": "sql_default", "table_name": "inference_store"},
            "conversations": {"backend": "sql_default", "table_name": "openai_conversations"},
        },
    }


def built(context: Path, capsys: pytest.CaptureFixture[str], stack: dict[str, Any], tag: str, *options: str) -> str:
    """Build the image of a manifest with its run config in it; return its tag."""
    (context / "stack.yaml").write_text(yaml.safe_dump(stack))
    run_config = {"distro_name": "bot", "storage": storage(), **stack["spec"]["runConfig"]}
    (context / "run.yaml").write_text(yaml.safe_dump(run_config))
    assert main(["containerfile", str(context / "stack.yaml"), "--run-config", "run.yaml", *options]) == 0
    (context / "Containerfile").write_text(capsys.readouterr().out)
    try:
        ensure_images()
        build_image(tag, context, context / "Containerfile")
    except CannotRunError as error:
        cannot_run(error)
    return tag


@contextmanager
def container(tag: str) -> Iterator[str]:
    """Make a working container, and remove it afterwards."""
    name = subprocess.check_output([*buildah(), "from", "--pull-never", tag], text=True).strip()
    try:
        yield name
    finally:
        subprocess.run([*buildah(), "rm", name], check=True, capture_output=True)


def in_container(name: str, *command: str) -> list[str]:
    return [*buildah(), "run", "--isolation", "chroot", "--network", "host", name, "--", *command]


def providers_of(tag: str) -> dict[str, str]:
    """Start the server as the image says, and return the type of each provider that it lists."""
    config = json.loads(subprocess.check_output([*buildah(), "inspect", "--type", "image", tag]))["OCIv1"]["config"]
    assert config["User"] == "1001:0" and not config.get("Cmd")
    port = str(free_port())
    entrypoint = [port if word == "8321" else word for word in config["Entrypoint"]]
    with container(tag) as name:
        start = "echo '{}' > did.json; exec \"$@\""
        process = subprocess.Popen(
            in_container(name, "sh", "-c", start, "sh", *entrypoint), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            return ask(process, f"http://127.0.0.1:{port}/v1/providers")
        finally:
            process.terminate()
            process.wait(30)


def ask(process: "subprocess.Popen[bytes]", url: str) -> dict[str, str]:
    give_up = time.monotonic() + 180
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
                return {item["provider_id"]: item["provider_type"] for item in json.load(answer)["data"]}
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    process.terminate()
    output = process.communicate()[0].decode()
    raise AssertionError(f"the server did not start: {output[-3000:]}")


@pytest.mark.node
def test_modules_on_an_image_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    stack = manifest({"image": STARTER_IMAGE}, {"eval": [CSOAI], "safety": [FMS]})
    tag = built(tmp_path, capsys, stack, "registry.local/containerfile/modules:1")

    assert providers_of(tag) == {"csoai": "remote::csoai", "fms": "remote::trustyai_fms"}


@full_matrix
@pytest.mark.node
def test_a_release_with_modules_serves(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    stack = manifest(
        {"release": {"package": "llama-stack", "version": "0.7.3"}},
        {"eval": [CSOAI], "safety": [FMS], "files": [FILES]},
    )
    tag = built(tmp_path, capsys, stack, "registry.local/containerfile/release:1", "--base", PYTHON_IMAGE)

    assert providers_of(tag) == {"csoai": "remote::csoai", "fms": "remote::trustyai_fms", "files": "inline::localfs"}


@full_matrix
@pytest.mark.node
def test_a_module_that_wants_another_llama_stack_fails_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ramalama = {**FMS, "provider_type": "remote::x", "module": "ramalama-stack==0.2.5"}
    with pytest.raises(ClusterError) as failure:
        built(tmp_path, capsys, manifest({"image": STARTER_IMAGE}, {"safety": [ramalama]}), "registry.local/c/no:1")

    assert "llama-stack==0.2.14" in str(failure.value) and "llama-stack==0.7.3" in str(failure.value)


@full_matrix
@pytest.mark.node
def test_a_package_that_is_no_provider_module_fails_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    entry = {**FMS, "provider_type": "remote::x", "module": "colorama"}
    with pytest.raises(ClusterError, match=r"colorama: none of .* has a module `provider`"):
        built(tmp_path, capsys, manifest({"image": STARTER_IMAGE}, {"safety": [entry]}), "registry.local/c/none:1")
