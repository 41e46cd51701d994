"""What each container of a build may hold, whatever a stack asks for. Whole Jobs are in tests/golden/builds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.workloads.build_inputs import inputs_text
from llamastack_operator.workloads.build_job import (
    base_image,
    inputs_config_map,
    job,
    lock_config_map,
    text_digest,
)
from llamastack_operator.workloads.settings import ImageSettings, WorkloadSettings
from tests.support.build_attempts import INPUTS, SETTINGS, TOLD, build

ACCESS = st.fixed_dictionaries(
    {},
    optional={
        "pushSecretRef": st.just({"name": "push-credentials"}),
        "pullSecretRef": st.just({"name": "pull-credentials"}),
        "indexSecretRef": st.just({"name": "index-credentials"}),
        "caBundleRef": st.just({"name": "ca", "key": "bundle"}),
        "resources": st.just({"limits": {"memory": "2Gi"}}),
        "timeoutSeconds": st.integers(60, 600),
        "workspaceMedium": st.just("Memory"),
        "workspaceSizeLimit": st.just("1Gi"),
    },
)


def pod(
    access: dict[str, Any] | None = None, owner: BuildRecord | None = None, settings: Any = SETTINGS
) -> dict[str, Any]:
    body = job(owner or build({"access": access or {}}), 1, settings, TOLD)
    spec: dict[str, Any] = body["spec"]["template"]["spec"]
    return spec


def containers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {container["name"]: container for container in (*spec["initContainers"], *spec["containers"])}


def secrets_of(spec: dict[str, Any], container: str) -> set[str]:
    """Return the Secrets that a container has mounted."""
    sources = {volume["name"]: volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
    mounts = containers(spec)[container]["volumeMounts"]
    return {sources[mount["name"]] for mount in mounts if mount["name"] in sources}


@given(ACCESS)
def test_tenants_code_runs_beside_no_credential_and_each_credential_is_in_one_place(access: dict[str, Any]) -> None:
    spec = pod(access)
    named = {access[field]["name"] for field in access if field.endswith("SecretRef")}
    assert secrets_of(spec, "install") == set()
    pulling = named & {"pull-credentials"} or named & {"push-credentials"}
    assert secrets_of(spec, "prepare") == pulling
    assert secrets_of(spec, "index") == named & {"index-credentials"}
    assert secrets_of(spec, "push") == named & {"push-credentials", "pull-credentials"}


@given(ACCESS)
def test_every_container_meets_the_restricted_profile_and_has_no_token(access: dict[str, Any]) -> None:
    spec = pod(access)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
    assert kinds <= {"emptyDir", "configMap", "secret"}
    for container in containers(spec).values():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_what_tenants_code_writes_is_read_only_to_the_one_that_pushes() -> None:
    mounts = {
        name: {mount["name"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
        for name, container in containers(pod()).items()
    }
    assert mounts["install"]["work"] is False
    assert mounts["push"]["work"] is True
    assert mounts["install"]["tools"] is True
    assert "facts" not in mounts["install"]
    shared = [set(mounts[name]) for name in ("prepare", "index", "push")]
    assert all("tmp-install" not in names for names in shared)


def test_the_volume_hides_no_other_layer_of_the_base() -> None:
    def place(owner: BuildRecord) -> str:
        mounts = containers(pod(owner=owner))["install"]["volumeMounts"]
        return next(str(mount["mountPath"]) for mount in mounts if mount["name"] == "work")

    inputs = {**INPUTS, "earlierBuilds": ["stack-a"]}
    assert place(build()) == "/opt/llamastack/modules"
    assert place(build({"strategy": "Start", "inputs": inputs})) == "/opt/llamastack"


def test_a_base_by_tag_is_looked_up_anew_and_one_by_digest_is_not() -> None:
    digest = "sha256:" + "1" * 64
    pinned = build({"inputs": {**INPUTS, "base": {"image": "r.example:5000/a/b:1", "digest": digest}}})
    assert base_image(pinned) == f"r.example:5000/a/b@{digest}"
    assert containers(pod(owner=pinned))["install"]["imagePullPolicy"] == "IfNotPresent"
    assert containers(pod())["install"]["imagePullPolicy"] == "Always"


def test_a_build_that_has_a_lock_goes_onto_the_base_of_its_first_time() -> None:
    digest = "sha256:" + "2" * 64
    assert base_image(build(baseDigest=digest)) == f"registry.example/starter@{digest}"


def test_only_the_operators_settings_name_mirrors_addresses_and_proxies() -> None:
    settings = ImageSettings(
        operator="o",
        mirrors=(("docker.io", "https://m.example"),),
        addresses=(("r", "http://r:5000"),),
        insecure=("r:5000",),
        proxies=(("HTTPS_PROXY", "http://p:3128"),),
    )
    text = inputs_text(build(), settings, [], None)
    assert json.loads(text)["registries"] == {
        "mirrors": {"docker.io": "https://m.example"},
        "addresses": {"r": "http://r:5000"},
        "insecure": ["r:5000"],
    }
    for container in containers(pod(settings=WorkloadSettings(images=settings))).values():
        assert {"name": "HTTPS_PROXY", "value": "http://p:3128"} in container["env"]


@pytest.mark.parametrize(
    ("asked", "default", "longest", "given"),
    [(99, 1800, 3600, 99), (None, 1800, 3600, 1800), (86400, 1800, 3600, 3600), (None, 1800, 600, 600)],
)
def test_a_try_ends_when_the_stack_says_so_and_never_after_the_operators_own_limit(
    asked: int | None, default: int, longest: int, given: int
) -> None:
    images = replace(SETTINGS.images, default_timeout=default, longest_timeout=longest)
    access = {} if asked is None else {"timeoutSeconds": asked}
    made = job(build({"access": access}), 1, replace(SETTINGS, images=images), TOLD)
    assert made["spec"]["activeDeadlineSeconds"] == given


def test_a_try_that_nobody_deletes_goes_in_a_week() -> None:
    made = job(build(), 1, SETTINGS, TOLD)
    assert made["spec"]["ttlSecondsAfterFinished"] == 7 * 24 * 3600
    assert made["spec"]["backoffLimit"] == 0


def test_the_platform_chooses_ids_where_it_must() -> None:
    spec = pod(settings=WorkloadSettings(run_as=None, images=SETTINGS.images))
    assert "runAsUser" not in spec["securityContext"]


@given(ACCESS, st.sampled_from(["Image", "Start"]))
def test_every_program_is_told_what_its_inputs_must_be(access: dict[str, Any], strategy: str) -> None:
    """A ConfigMap can be replaced while a pod waits; what a Job's containers are told cannot."""
    spec = pod(owner=build({"access": access, "strategy": strategy}))
    for container in containers(spec).values():
        command = container["command"]
        assert command[command.index("--inputs-digest") + 1] == TOLD


def test_another_lock_has_another_name() -> None:
    one, other = (lock_config_map(build(lockDigest=text_digest(text)), text) for text in ("one", "other"))
    digest = text_digest("one").removeprefix("sha256:")
    assert one["metadata"]["name"] == f"modules-a-lock-{digest[:10]}"
    assert other["metadata"]["name"] != one["metadata"]["name"]
    assert inputs_config_map(build(), 3, "one")["metadata"]["name"] == "modules-a-3"
