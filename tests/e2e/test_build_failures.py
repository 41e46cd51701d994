"""What goes wrong in builds, on a real node: each ends in its reason, what serves serves on, and the cure cures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.indexes import index_login
from tests.cluster.pods import evict
from tests.cluster.registries import docker_config
from tests.e2e.bench import BUILT_WITHIN, PUSHER, READER, STARTER, WRONG, Bench, certificates
from tests.e2e.installation import NAMESPACE
from tests.e2e.operator import eventually
from tests.matrix import full_matrix

pytestmark = pytest.mark.node


def test_module_that_does_not_exist(serving: Bench) -> None:
    serving.apply(serving.body("demo-nowhere==1.0"))
    serving.fails("ModuleNotFound", "demo-nowhere", stalled=True)
    serving.apply(serving.body())
    serving.recovers()


@full_matrix
def test_version_of_a_module_that_does_not_exist(serving: Bench) -> None:
    serving.apply(serving.body("demo-single==9.9"))
    serving.fails("ModuleNotFound", "demo-single==9.9", "1.0", stalled=True)


def test_module_that_wants_another_release(serving: Bench) -> None:
    serving.apply(serving.body("demo-conflict==1.0"))
    serving.fails("RequirementConflict", "demo-conflict", "llama-stack<0.2", "llama_stack 0.7.3", stalled=True)
    serving.apply(serving.body())
    serving.recovers()


@full_matrix
def test_module_without_a_spec(serving: Bench) -> None:
    serving.apply(serving.body("demo-without==1.0"))
    serving.fails("SpecMissing", "demo_without", "get_provider_spec", stalled=True)
    serving.apply(serving.body())
    serving.recovers()


@full_matrix
def test_source_distribution_that_is_refused(serving: Bench) -> None:
    pip = {"indexUrl": serving.index.simple, "requirements": ["demo-source==1.0"]}
    serving.apply(serving.body(pip=pip))
    serving.fails("SourceDistributionRefused", "demo-source", "allowSourceDistributions", stalled=True)
    serving.apply(serving.body(pip={**pip, "allowSourceDistributions": True}))
    serving.recovers()


@full_matrix
def test_source_distribution_that_fails_to_build(serving: Bench) -> None:
    pip = {"indexUrl": serving.index.simple, "allowSourceDistributions": True}
    serving.apply(serving.body(pip={**pip, "requirements": ["demo-source-fails==1.0"]}))
    serving.fails("SourceBuildFailed", "demo-source-fails", stalled=True)
    assert any("no compiler was found" in line for line in serving.build()["status"]["failure"]["tail"])
    serving.apply(serving.body(pip=pip))
    serving.recovers()


@full_matrix
def test_index_that_does_not_answer(serving: Bench) -> None:
    serving.apply(serving.body(pip={"indexUrl": "http://auth.index.local/simple"}))
    serving.fails("IndexUnreachable", "auth.index.local", stalled=False)
    with serving.node.start_index("auth.index.local", serving.folder):
        serving.recovers()


@full_matrix
def test_index_whose_name_nobody_knows(serving: Bench) -> None:
    serving.apply(serving.body(pip={"indexUrl": "http://no-such-index.invalid/simple"}))
    serving.fails("IndexUnreachable", "no-such-index.invalid", stalled=False)
    serving.apply(serving.body())
    serving.recovers()


def test_index_with_a_wrong_password(serving: Bench) -> None:
    serving.secret(index_login("index", WRONG))
    with serving.node.start_index("auth.index.local", serving.folder, login=READER) as index:
        serving.apply(serving.body(pip={"indexUrl": index.simple, "secretRef": {"name": "index"}}))
        told = serving.fails("IndexUnauthorized", "auth.index.local", stalled=True)
        assert WRONG.password not in str(told)
        serving.secret(index_login("index", READER))
        serving.recovers()


@full_matrix
def test_index_whose_authority_is_not_known(serving: Bench) -> None:
    other = serving.node.folder / "pki" / "ca.crt"
    serving.secret(certificates("ca", other.read_text()))
    with serving.node.start_index("tls.index.local", serving.folder, tls=True) as index:
        serving.apply(
            serving.body(pip={"indexUrl": index.simple}, caBundleRef={"name": "ca", "key": "ca.crt"}),
        )
        serving.fails("IndexCertificate", "tls.index.local", stalled=True)
        serving.secret(certificates("ca", index.ca))
        serving.recovers()


@full_matrix
def test_registry_whose_authority_is_not_known(serving: Bench) -> None:
    other = serving.node.folder / "pki" / "ca.crt"
    serving.secret(certificates("ca", other.read_text()))
    with serving.node.start_registry("tls.registry.local", tls=True, images=True) as registry:
        body = serving.body(
            image=f"{registry.host}/{STARTER}",
            repository=f"{registry.host}/{serving.repository}",
            caBundleRef={"name": "ca", "key": "ca.crt"},
        )
        del body["spec"]["build"]["pushSecretRef"]
        serving.apply(body)
        serving.fails("RegistryCertificate", "tls.registry.local", stalled=True)
        serving.secret(certificates("ca", registry.ca))
        serving.recovers()


@full_matrix
def test_push_with_a_wrong_password(serving: Bench) -> None:
    serving.secret(docker_config("wrong", {serving.registry.host: WRONG}))
    serving.apply(serving.body(pushSecretRef={"name": "wrong"}))
    told = serving.fails("RegistryUnauthorized", serving.registry.host, stalled=True)
    assert WRONG.password not in str(told)
    assert serving.build()["status"]["failure"]["step"] == "push"
    serving.secret(docker_config("wrong", {serving.registry.host: PUSHER}))
    serving.recovers()


@full_matrix
def test_registry_that_goes_down_in_the_middle_of_a_push(serving: Bench) -> None:
    serving.registry.restart_failing_after(1_000_000)
    try:
        serving.apply(serving.body("demo-large==1.0"))
        serving.fails("RegistryUnreachable", serving.registry.host, stalled=False)
        assert serving.build()["status"]["failure"]["step"] == "push"
    finally:
        serving.registry.stop()
        serving.registry.start()
    serving.recovers()
    assert serving.build()["status"]["attempts"] > 1


@full_matrix
def test_base_image_that_does_not_exist(serving: Bench) -> None:
    serving.apply(serving.body(image=f"{serving.registry.host}/llamastack/no-such-distribution:1"))
    serving.fails("BaseNotFound", "no-such-distribution", stalled=True)
    serving.apply(serving.body())
    serving.recovers()


@full_matrix
def test_job_that_a_user_deletes(serving: Bench) -> None:
    serving.apply(serving.body("demo-slow==8"))
    job = serving.stacks.kubectl.json("get", "pod", serving.build_pod())["metadata"]["ownerReferences"][0]["name"]
    serving.stacks.kubectl("delete", "job", job)
    serving.fails("Evicted", "Job was deleted", stalled=False)
    serving.recovers()
    assert serving.build()["status"]["attempts"] == 2


@full_matrix
def test_pod_that_is_evicted(serving: Bench) -> None:
    serving.apply(serving.body("demo-slow==8"))
    evict(serving.stacks.kubectl, serving.build_pod(installs))
    serving.fails("Evicted", "pod", stalled=False)
    serving.recovers()
    assert serving.build()["status"]["attempts"] == 2


@full_matrix
def test_more_memory_than_the_limit(serving: Bench) -> None:
    serving.apply(serving.body(resources={"limits": {"memory": "24Mi"}, "requests": {"memory": "24Mi"}}))
    serving.fails("OutOfMemory", "install", "memory limit", "spec.build.resources.limits.memory", stalled=True)
    serving.apply(serving.body(resources={"limits": {"memory": "1Gi"}}))
    serving.recovers()


@full_matrix
def test_full_disk(serving: Bench) -> None:
    serving.apply(serving.body("demo-large==1.0", workspace={"medium": "Memory", "sizeLimit": "2Mi"}))
    serving.fails("DiskFull", "spec.build.workspace.sizeLimit", stalled=True)
    serving.apply(serving.body("demo-large==1.0", workspace={"medium": "Memory", "sizeLimit": "64Mi"}))
    serving.recovers()


@full_matrix
def test_build_that_takes_too_long(serving: Bench) -> None:
    serving.apply(serving.body("demo-slow==300", timeoutSeconds=60))
    serving.fails("TimedOut", "reading specs", "spec.build.timeoutSeconds", stalled=True, patience=2 * BUILT_WITHIN)
    serving.apply(serving.body("demo-slow==8"))
    serving.recovers()


@full_matrix
def test_operator_that_is_killed_goes_on_with_the_build(serving: Bench) -> None:
    serving.apply(serving.body("demo-slow==8"))
    pod = serving.build_pod(installs)
    operator = serving.node.kubectl.within(NAMESPACE)
    operator("delete", "pod", "--all", "--grace-period=0", "--force")
    serving.recovers()
    build = serving.build()
    assert build["status"]["attempts"] == 1
    jobs = serving.stacks.kubectl.json("get", "jobs", "-l", f"llamastack.dev/build={build['metadata']['name']}")[
        "items"
    ]
    assert [job["metadata"]["name"] for job in jobs] == [pod.rpartition("-")[0]]
    assert serving.registry.tags(serving.repository).count(build["spec"]["key"]) == 1
    eventually(lambda: operator("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"), BUILT_WITHIN)


def installs(pod: dict[str, Any]) -> bool:
    """Tell whether the tenant's part of a build runs now."""
    statuses = {status["name"]: status for status in pod["status"].get("initContainerStatuses", [])}
    return "running" in statuses.get("install", {}).get("state", {})
