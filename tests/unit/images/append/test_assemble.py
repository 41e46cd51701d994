"""The config and manifest of a built image."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.images.append.assemble import assemble
from llamastack_operator.images.append.base import Base
from llamastack_operator.images.append.inputs import PushInputs
from llamastack_operator.images.layer.pack import PackedLayer

ONE, TWO, NEW = (f"sha256:{letter * 64}" for letter in "abc")
LAYER = PackedLayer(Path("x"), NEW, f"sha256:{'d' * 64}", 30)
OCI_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def base(docker: bool = False, **config: Any) -> Base:
    layer_type = "application/vnd.docker.image.rootfs.diff.tar.gzip" if docker else OCI_GZIP
    manifest = {"layers": [{"mediaType": layer_type, "digest": ONE, "size": 10}]}
    content = {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": [TWO]},
        "history": [{"created_by": "ENV", "empty_layer": True}, {"created_by": "ADD"}],
        "config": {"Cmd": ["python3"], "Healthcheck": {"Test": ["NONE"]}},
    }
    return Base("docker.io/library/base:1", ONE, TWO, manifest, {**content, **config}, "x")


def inputs(kind: str = "modules", **more: Any) -> PushInputs:
    document = {
        "format": 1,
        "key": "0123456789abcdef",
        "base": {"image": "base:1"},
        "layer": {"kind": kind, "root": f"/opt/llamastack/{kind}"},
        "repository": "registry.local/a",
        "labels": {"llamastack.dev/release": "ogx-1.5.0"},
    }
    return PushInputs.from_dict({**document, **more})


def built(given: Base, kind: str = "modules") -> tuple[dict[str, Any], dict[str, Any]]:
    image = assemble(given, [LAYER], inputs(kind), "3.13")
    return json.loads(image.manifest), json.loads(image.config)


def environment(kind: str, *pairs: str) -> dict[str, str]:
    _, config = built(base(config={"Env": list(pairs)}), kind)
    return dict(pair.split("=", 1) for pair in config["config"]["Env"])


PACKAGES = "/opt/llamastack/modules/lib/python3.13/site-packages"


MODULES, STACK = "/opt/llamastack/modules/bin", "/opt/llamastack/stack/bin"
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("modules", {"PATH": "/bin"}, {"PATH": f"/bin:{MODULES}", "PYTHONPATH": PACKAGES}),
        ("modules", {"PATH": "/b", "PYTHONPATH": "/a"}, {"PATH": f"/b:{MODULES}", "PYTHONPATH": f"{PACKAGES}:/a"}),
        ("stack", {"PATH": "/bin", "PYTHONPATH": "/app"}, {"PATH": f"{STACK}:/bin", "PYTHONPATH": "/app"}),
        ("stack", {"A": "b=c"}, {"A": "b=c", "PATH": f"{STACK}:{PATHS}"}),
    ],
)
def test_programs_and_packages_of_a_layer_are_found(kind: str, before: dict[str, str], after: dict[str, str]) -> None:
    assert environment(kind, *(f"{name}={value}" for name, value in before.items())) == after


def test_an_environment_that_has_the_layer_already_stays_as_it_is() -> None:
    once = environment("modules", "PATH=/bin")
    assert environment("modules", *(f"{name}={value}" for name, value in once.items())) == once


def test_all_else_of_the_base_is_kept() -> None:
    _, config = built(base())
    assert config["config"]["Cmd"] == ["python3"]
    assert config["config"]["Healthcheck"] == {"Test": ["NONE"]}
    assert config["rootfs"]["diff_ids"] == [TWO, LAYER.diff_id]
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert [entry["created_by"] for entry in config["history"]] == [
        "ENV",
        "ADD",
        "llamastack-operator: modules 0123456789abcdef",
    ]


def test_dependencies_lie_between_the_base_and_the_modules() -> None:
    beneath = PackedLayer(Path("y"), ONE, f"sha256:{'e' * 64}", 7)
    image = assemble(base(), [beneath, LAYER], inputs(), "3.13")
    manifest, config = json.loads(image.manifest), json.loads(image.config)
    assert [(one["digest"], one["size"]) for one in manifest["layers"][1:]] == [(ONE, 7), (NEW, 30)]
    assert config["rootfs"]["diff_ids"] == [TWO, beneath.diff_id, LAYER.diff_id]
    assert [entry["created_by"] for entry in config["history"][2:]] == [
        "llamastack-operator: dependencies of modules 0123456789abcdef",
        "llamastack-operator: modules 0123456789abcdef",
    ]


@pytest.mark.parametrize("history", [None, [], [{"created_by": "one"}, {"created_by": "two"}]])
def test_a_history_that_does_not_fit_the_layers_is_left_alone(history: Any) -> None:
    assert built(base(history=history))[1]["history"] == history


def test_the_result_is_an_oci_image_whatever_the_base() -> None:
    manifests = [built(base(docker))[0] for docker in (False, True)]
    assert manifests[0] == manifests[1]
    assert manifests[0]["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert [layer["mediaType"] for layer in manifests[0]["layers"]] == [OCI_GZIP, OCI_GZIP]


def test_annotations_and_labels_say_where_it_comes_from() -> None:
    manifest, config = built(base())
    assert manifest["annotations"] == {
        "llamastack.dev/release": "ogx-1.5.0",
        "llamastack.dev/build-key": "0123456789abcdef",
        "org.opencontainers.image.base.name": "docker.io/library/base:1",
        "org.opencontainers.image.base.digest": ONE,
    }
    assert config["config"]["Labels"]["llamastack.dev/build-key"] == "0123456789abcdef"


def test_the_base_is_not_changed() -> None:
    given = base(config=None)
    before = deepcopy(given)
    built(given)
    assert given == before


def test_a_base_known_by_digest_gives_the_same_image_as_by_tag() -> None:
    by_tag = assemble(base(), [LAYER], inputs(), "3.13")
    by_digest = assemble(base(), [LAYER], inputs(base={"image": "base:1", "digest": ONE}), "3.13")
    assert by_tag == by_digest
    assert by_tag.size == 40 + len(by_tag.config)


def test_a_fresh_look_that_finds_nothing_new_is_the_same_image() -> None:
    looked = inputs(key="fedcba9876543210", imageKey=inputs().key)
    assert assemble(base(), [LAYER], looked, "3.13") == assemble(base(), [LAYER], inputs(), "3.13")
