"""Pods that install at their start: who holds what, and how the server finds it. Whole pods are in tests/golden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.builds import build_from
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.workloads.settings import ImageSettings, WorkloadSettings
from tests.support.world import IMAGES, built, facts, finished_builds, judged, llamastack

MODULES = "/opt/llamastack/modules/lib/python3.13/site-packages"


def pod(release: bool = False, modules: bool = True, settings: ImageSettings = IMAGES, **spec: Any) -> dict[str, Any]:
    """Return the pod of a stack without a repository, once all is locked."""
    entry = {"provider_id": "a", "provider_type": "remote::mine", "module": "my_provider==1.0"}
    body = llamastack(runConfig={"providers": {"safety": [entry] if modules else []}}, **spec)
    if release:
        body["spec"]["distribution"] = {"release": {"package": "llama-stack", "version": "0.7.3"}}
    decided = plan(built(facts(body), settings), WorkloadSettings(images=settings))
    (deployment,) = [item.body for item in decided.desired or () if item.resource.kind == "Deployment"]
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def pod_of_lock(digest: str | None) -> dict[str, Any]:
    """Return the pod of a stack whose build locked what has this digest."""
    entry = {"provider_id": "a", "provider_type": "remote::mine", "module": "my_provider==1.0"}
    known = facts(llamastack(runConfig={"providers": {"safety": [entry]}}))
    bodies = finished_builds(known)
    for body in bodies:
        body["status"] |= {"lockDigest": digest} if digest else {}
    decided = plan(judged(known, *map(build_from, bodies)), WorkloadSettings(images=IMAGES))
    (deployment,) = [item.body for item in decided.desired or () if item.resource.kind == "Deployment"]
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def containers(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in (*found.get("initContainers", []), *found["containers"])}


def mounts(found: dict[str, Any], container: str) -> dict[str, dict[str, Any]]:
    return {mount["name"]: mount for mount in containers(found)[container]["volumeMounts"]}


def environment(found: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in containers(found)["server"]["env"]}


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "pip": st.fixed_dictionaries({}, optional={"secretRef": st.just({"name": "index-credentials"})}),
        "pullSecretRef": st.just({"name": "pull"}),
        "caBundleRef": st.just({"name": "ca", "key": "k"}),
        "resources": st.just({"limits": {"memory": "1Gi"}}),
    },
)


@given(SETTINGS, st.booleans())
def test_only_the_container_that_runs_no_packages_code_sees_the_indexs_credentials(
    build: dict[str, Any], release: bool
) -> None:
    found = pod(release, build=build)
    secrets = {volume["name"] for volume in found["volumes"] if "secret" in volume}
    assert secrets == ({"llamastack-index"} if "secretRef" in build.get("pip", {}) else set())
    assert secrets <= mounts(found, "llamastack-fetch").keys()
    assert not secrets & mounts(found, "llamastack-install").keys()
    assert not secrets & mounts(found, "server").keys()
    assert found["automountServiceAccountToken"] is False
    for container in containers(found).values():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_what_was_checked_cannot_be_changed_by_what_installs_it() -> None:
    found = pod()
    assert mounts(found, "llamastack-install")["llamastack-wheels"]["readOnly"] is True
    assert mounts(found, "llamastack-install")["llamastack-tools"]["readOnly"] is True
    assert "llamastack-state" not in mounts(found, "llamastack-install")


def test_programs_run_in_the_operators_image_and_packages_are_installed_in_the_stacks() -> None:
    found = containers(pod())
    assert found["llamastack-fetch"]["image"] == IMAGES.operator
    assert found["llamastack-install"]["image"] == found["server"]["image"]


def test_proxies_are_for_the_container_that_downloads_alone() -> None:
    settings = ImageSettings(operator="o", proxies=(("HTTPS_PROXY", "http://p:3128"),))
    found = containers(pod(settings=settings))
    proxy = {"name": "HTTPS_PROXY", "value": "http://p:3128"}
    assert proxy in found["llamastack-fetch"]["env"]
    assert proxy not in found["llamastack-install"]["env"]
    assert proxy not in found["server"]["env"]


@pytest.mark.parametrize(("storage", "kept"), [({"size": "1Gi"}, True), ({"claimName": "mine"}, True), (None, False)])
def test_files_are_kept_where_the_state_outlives_the_pod(storage: Any, kept: bool) -> None:
    found = pod(server={"storage": storage} if storage else {})
    assert ("--cache" in containers(found)["llamastack-fetch"]["command"]) is kept
    assert ("llamastack-state" in mounts(found, "llamastack-fetch")) is kept


class TestPythonPath:
    def test_leads_to_the_modules(self) -> None:
        assert environment(pod())["PYTHONPATH"] == MODULES

    def test_of_the_stack_comes_after_ours(self) -> None:
        server = {"env": [{"name": "PYTHONPATH", "value": "/mine"}]}
        found = pod(server=server)
        assert environment(found)["PYTHONPATH"] == f"{MODULES}:/mine"
        assert [entry["name"] for entry in containers(found)["server"]["env"]].count("PYTHONPATH") == 1

    def test_from_a_config_map_cannot_be_joined_and_stands(self) -> None:
        source = {"configMapKeyRef": {"name": "c", "key": "k"}}
        found = pod(server={"env": [{"name": "PYTHONPATH", "valueFrom": source}]})
        assert {"name": "PYTHONPATH", "valueFrom": source} in containers(found)["server"]["env"]

    def test_of_the_stack_stands_alone_where_there_are_no_modules(self) -> None:
        found = pod(release=True, modules=False, server={"env": [{"name": "PYTHONPATH", "value": "/mine"}]})
        assert environment(found)["PYTHONPATH"] == "/mine"

    def test_is_not_set_where_an_image_has_everything(self) -> None:
        found = pod(modules=False)
        assert "initContainers" not in found
        assert "PYTHONPATH" not in environment(found)


def test_the_programs_of_a_release_are_found_before_the_images_own() -> None:
    assert environment(pod(release=True))["PATH"].startswith("/opt/llamastack/stack/bin:/usr/local/sbin:")
    assert "PATH" not in environment(pod())


DIGEST = "sha256:" + "e" * 64


def test_pods_are_told_what_their_lock_must_be() -> None:
    """Whoever may create ConfigMaps could have his own packages run in them, with their Secrets."""
    found = pod_of_lock(DIGEST)
    for name in ("llamastack-fetch", "llamastack-install"):
        command = containers(found)[name]["command"]
        assert command[command.index("--inputs-digest") + 1] == DIGEST
    (inputs,) = [volume for volume in found["volumes"] if volume["name"] == "llamastack-inputs"]
    assert inputs["configMap"]["name"].endswith(f"-lock-{'e' * 10}")


def test_pods_of_a_build_of_before_digests_stay_as_they_are() -> None:
    """The programs that they run know no such option; what they were made of in full is in tests/golden."""
    found = pod_of_lock(None)
    assert "--inputs-digest" not in str(found)
    (inputs,) = [volume for volume in found["volumes"] if volume["name"] == "llamastack-inputs"]
    assert inputs["configMap"]["name"].endswith("-lock")
