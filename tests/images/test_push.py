"""The programs of a build against a real registry, the results read by buildah and by urllib."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamastack_contract.printed import printed_record
from llamastack_contract.record import Record
from llamastack_operator.images.append.prepare import look_up
from tests.cluster.packages import need_root
from tests.images.bed import OCI, Registry, get, put_image, put_manifest
from tests.images.build import KEY, Build
from tests.images.proxy import Fault, between


def buildah(folder: Path, *arguments: str) -> str:
    roots = ["--storage-driver", "vfs", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
    return subprocess.run(["buildah", *roots, *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(params=[False, True], ids=["oci", "docker"])
def build(request: pytest.FixtureRequest, tmp_path: Path, registry: Registry) -> Iterator[Build]:
    put_image(registry, "library/base", docker=request.param)
    made = Build(tmp_path / "build", f"{registry.host}/library/base:1", f"{registry.host}/team/stack", [registry.host])
    made.install()
    yield made


def look(build: Build) -> None:
    look_up(build.folder / "build.json", build.folder / "facts", build.folder / "credentials", build.folder / "none")


def test_a_pushed_image_is_the_base_and_what_was_installed_as_buildah_pulls_it(build: Build, tmp_path: Path) -> None:
    look(build)
    # Larger than a block, so that the layer is a series of gzip members.
    large = os.urandom(9 << 20)
    (build.tree / "lib/large.bin").write_bytes(large)
    result = build.push()
    assert result.returncode == 0, result.stdout + result.stderr
    image = build.message["image"]
    store = tmp_path / "store"
    buildah(store, "pull", "--quiet", "--tls-verify=false", image)
    mounted = Path(buildah(store, "mount", buildah(store, "from", "--pull-never", image)))
    assert (mounted / "etc/layer-1").read_text() == "library/base 1\n"
    root = mounted / "opt/llamastack/modules"
    assert (root / "lib/python3.13/site-packages/greeter/__init__.py").read_text() == "print('hello')\n"
    assert (root / "lib/python3.13/site-packages/words.py").read_text() == "WORDS = 'hello'\n"
    assert (root / "lib/large.bin").read_bytes() == large
    assert (root / "bin/python3").readlink() == Path("/usr/bin/python3")
    assert not list(root.rglob("*.pyc"))
    assert {path.lstat().st_mtime for path in root.rglob("*")} == {0}
    described = json.loads(buildah(store, "inspect", "--type", "image", image))
    run = described["OCIv1"]["config"]
    assert "PYTHONPATH=/opt/llamastack/modules/lib/python3.13/site-packages" in run["Env"]
    assert "PATH=/usr/bin:/bin:/opt/llamastack/modules/bin" in run["Env"]
    assert run["Cmd"] == ["python3"]
    assert run["Labels"]["llamastack.dev/release"] == "llama-stack-0.7.3"
    buildah(store, "rm", "--all")


def test_the_termination_message_names_what_was_made(build: Build, registry: Registry) -> None:
    look(build)
    result = build.push()
    message = build.message
    manifest = get(registry, f"team/stack/manifests/{KEY}")
    assert message["image"] == f"{registry.host}/team/stack@{message['digest']}"
    assert get(registry, f"team/stack/manifests/{message['digest']}") == manifest
    assert message["platform"] == "linux/amd64"
    told = [(layer["digest"], layer["size"]) for layer in message["layers"]]
    assert told == [(layer["digest"], layer["size"]) for layer in manifest["layers"][-2:]]
    assert message["total"] == manifest["config"]["size"] + sum(one["size"] for one in manifest["layers"])
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == message["base"]
    assert manifest["annotations"]["llamastack.dev/build-key"] == KEY
    record = Record.parse(printed_record(result.stdout, message["record"]))
    assert [module.import_name for module in record.modules] == ["greeter"]
    assert result.stdout.splitlines()[:2] == ["progress: packing", "progress: pushing 1 of 5"]


def test_blobs_of_a_base_in_the_same_registry_are_mounted_not_sent(build: Build, registry: Registry) -> None:
    look(build)
    build.push()
    manifest = get(registry, f"team/stack/manifests/{KEY}")
    assert all(registry.holds("team/stack", layer["digest"]) for layer in manifest["layers"])
    assert build.message["pushed"] == sum(one["size"] for one in [*manifest["layers"][-2:], manifest["config"]])


def test_of_a_new_version_of_a_module_only_the_module_is_sent(build: Build, registry: Registry) -> None:
    look(build)
    (build.tree / "lib/python3.13/site-packages/large.bin").write_bytes(os.urandom(1 << 20))
    build.bring("large-1.0", "large.bin")
    build.push()
    before = get(registry, f"team/stack/manifests/{KEY}")
    build.install("good morning")
    build.push()
    after = get(registry, f"team/stack/manifests/{KEY}")
    assert before["layers"][:-1] == after["layers"][:-1]
    assert before["layers"][-1] != after["layers"][-1]
    assert build.message["pushed"] == after["layers"][-1]["size"] + after["config"]["size"] < 10_000


def test_what_the_image_before_has_is_used_again(build: Build, registry: Registry) -> None:
    look(build)
    (build.tree / "lib/python3.13/site-packages/large.bin").write_bytes(os.urandom(3 << 20))
    build.bring("large-1.0", "large.bin")
    build.push()
    first = build.message
    build.before = first["digest"]
    build.write_inputs()
    build.install("good morning")
    need_root("mounting a small file system")
    # There is no space to pack what lies beneath.
    result = build.push(space="1m")
    assert result.returncode == 0, result.stdout
    assert build.message["layers"][0] == first["layers"][0]
    assert build.message["layers"][1] != first["layers"][1]
    assert build.message["pushed"] < first["pushed"]
    again = get(registry, f"team/stack/manifests/{KEY}")
    build.before = None
    build.write_inputs()
    build.push()
    assert get(registry, f"team/stack/manifests/{KEY}") == again


@pytest.mark.parametrize("lost", ["image", "layer"])
def test_what_the_registry_lost_is_packed_again(build: Build, registry: Registry, lost: str) -> None:
    look(build)
    build.push()
    first = build.message
    build.before = first["digest"]
    build.write_inputs()
    registry.lose("team/stack", first["digest"] if lost == "image" else first["layers"][0]["digest"])
    result = build.push()
    assert result.returncode == 0, result.stdout
    assert ("note: no layer of the image before is used again" in result.stdout) == (lost == "image")
    assert build.message["layers"] == first["layers"]
    assert registry.holds("team/stack", first["layers"][0]["digest"])


def test_a_base_of_another_registry_is_streamed(build: Build, registry: Registry, tmp_path: Path) -> None:
    other = Registry(tmp_path / "other")
    try:
        build.repository, build.insecure = f"{other.host}/team/stack", [registry.host, other.host]
        build.write_inputs()
        look(build)
        assert build.push().returncode == 0
        assert build.message["pushed"] == build.message["total"]
        manifest = get(other, f"team/stack/manifests/{KEY}")
        assert all(other.holds("team/stack", layer["digest"]) for layer in manifest["layers"])
    finally:
        other.stop()


def test_the_same_files_on_a_wiped_registry_give_the_same_digest(
    build: Build, registry: Registry, tmp_path: Path
) -> None:
    look(build)
    build.push()
    first = build.message["digest"]
    other = Registry(tmp_path / "other")
    try:
        build.repository, build.insecure = f"{other.host}/team/stack", [registry.host, other.host]
        build.digest = build.message["base"]
        build.write_inputs()
        look(build)
        build.push()
        assert build.message["digest"] == first
    finally:
        other.stop()


def test_a_second_push_sends_nothing(build: Build) -> None:
    look(build)
    build.push()
    first = build.message
    build.push()
    assert build.message == {**first, "pushed": 0}


def test_the_bill_of_materials_is_a_referrer_of_the_image(build: Build, registry: Registry) -> None:
    look(build)
    build.push()
    build.push()
    digest = build.message["digest"]
    index = get(registry, f"team/stack/manifests/{digest.replace(':', '-')}", "application/vnd.oci.image.index.v1+json")
    [entry] = index["manifests"]
    assert entry["artifactType"] == "application/vnd.cyclonedx+json"
    manifest = get(registry, f"team/stack/manifests/{entry['digest']}")
    assert manifest["subject"]["digest"] == digest
    document = get(registry, f"team/stack/blobs/{manifest['layers'][0]['digest']}")
    assert document["specVersion"] == "1.6"
    assert document["metadata"]["component"]["version"] == digest
    assert {one["name"] for one in document["components"]} >= {"greeter", "llama-stack"}


def test_an_index_is_resolved_to_the_platform_that_is_wanted(build: Build, registry: Registry) -> None:
    images = {name: put_image(registry, "library/base", name, architecture=name) for name in ("amd64", "arm64")}
    entries = [
        {
            "mediaType": OCI,
            "digest": digest,
            "size": len(json.dumps(get(registry, f"library/base/manifests/{digest}"))),
            "platform": {"os": "linux", "architecture": name, **({"variant": "v8"} if name == "arm64" else {})},
        }
        for name, digest in images.items()
    ]
    document = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    index = put_manifest(registry, "library/base", "all", document)
    build.image, build.platform = f"{registry.host}/library/base:all", "linux/arm64"
    build.write_inputs()
    look(build)
    facts = json.loads((build.folder / "facts/base.json").read_text())
    assert (facts["digest"], facts["platformDigest"]) == (index, images["arm64"])
    build.push()
    assert build.message["base"] == index


def test_a_mirror_answers_for_the_registry_that_users_name(build: Build, registry: Registry) -> None:
    build.image, build.mirrors = "base:1", {"docker.io": f"http://{registry.host}"}
    build.write_inputs()
    look(build)
    assert build.push().returncode == 0
    manifest = get(registry, f"team/stack/manifests/{KEY}")
    assert manifest["annotations"]["org.opencontainers.image.base.name"] == "docker.io/library/base:1"
    assert build.message["pushed"] < build.message["total"]


def test_without_push_only_the_record_is_handed_on(build: Build, registry: Registry) -> None:
    look(build)
    result = build.push("--no-push")
    assert set(build.message) == {"base", "platform", "record"}
    assert Record.parse(printed_record(result.stdout, build.message["record"])).kind == "modules"
    assert not (registry.storage / "docker/registry/v2/repositories/team").exists()


def test_the_server_of_a_registry_may_have_another_name_for_pulls_and_pushes(build: Build, registry: Registry) -> None:
    build.image, build.repository, build.insecure = "registry.test/library/base:1", "registry.test/team/stack", []
    build.addresses = {"registry.test": f"http://{registry.host}"}
    build.write_inputs()
    look(build)
    assert build.push().returncode == 0
    assert build.message["image"].startswith("registry.test/team/stack@sha256:")
    assert get(registry, f"team/stack/manifests/{KEY}")["layers"][-1]["digest"] == build.message["layers"][-1]["digest"]


def test_prepare_leaves_the_tools_and_the_facts(build: Build) -> None:
    result = build.run("prepare", "--tools", str(build.folder / "tools"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert (build.folder / "tools/install.pyz").is_file()
    assert (build.folder / "tools/pip/__main__.py").is_file()
    assert json.loads((build.folder / "facts/base.json").read_text())["reference"] == build.image


def test_a_base_that_is_not_there_ends_prepare_with_its_reason(build: Build) -> None:
    build.image += "0"
    build.write_inputs()
    result = build.run("prepare", "--tools", str(build.folder / "tools"))
    assert result.returncode == 1
    assert {name: build.message[name] for name in ("reason", "step", "retry")} == {
        "reason": "BaseNotFound",
        "step": "prepare",
        "retry": False,
    }
    assert build.image in build.message["message"]
    assert result.stderr == ""


@pytest.mark.parametrize("method", ["HEAD", "POST"], ids=["has-every-blob", "takes-every-upload"])
def test_what_answers_200_to_everything_is_no_registry(build: Build, registry: Registry, method: str) -> None:
    """A repository's name may be that of an internal service: nothing may be called built that no node can pull."""
    secret = b"internal answer"
    everything = [Fault(one, "/internal/", 1000, 200, body=secret) for one in (method, "PUT", "PATCH", "GET")]
    with between(registry.host, *everything) as proxy:
        build.repository, build.insecure = f"{proxy.host}/internal/admin", [registry.host, proxy.host]
        build.write_inputs()
        look(build)
        result = build.push()
    assert result.returncode == 1
    assert (build.message["reason"], build.message["retry"]) == ("BuildFailed", False)
    assert "not the answer of a registry" in build.message["message"]
    assert secret.decode() not in f"{build.message}{result.stdout}{result.stderr}"


@pytest.mark.parametrize("change", ["kind", "python", "root"])
def test_an_installation_that_does_not_fit_the_build_is_not_pushed(
    build: Build, registry: Registry, change: str
) -> None:
    look(build)
    if change == "root":
        build.tree.rename(build.folder / "moved")
        build.tree.symlink_to(build.folder / "moved")
    else:
        build.install(record={**build.record(), change: {"kind": "stack", "python": "3.12"}[change]})
    assert build.push().returncode == 1
    assert build.message["reason"] == "Tampered"
    assert not (registry.storage / "docker/registry/v2/repositories/team").exists()


def test_a_full_disk_ends_push_with_its_reason(build: Build) -> None:
    need_root("mounting a small file system")
    look(build)
    (build.tree / "lib/large.bin").write_bytes(os.urandom(3 << 20))
    result = build.push(space="1m")
    assert result.returncode == 1, result.stderr
    assert (build.message["reason"], build.message["retry"]) == ("DiskFull", False)
