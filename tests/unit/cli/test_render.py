"""`llamastack render`: what it prints is what the operator plans, and what only a cluster knows is told."""

from __future__ import annotations

import base64
import datetime
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.cli import main
from llamastack_operator.packed.start_program import start_program, start_program_digest
from llamastack_operator.workloads.runtime import StartProgram
from tests.golden.test_golden import IDENTITY, SETTINGS, cases, manifest, rendered
from tests.support.full_example import PROVIDER
from tests.support.world import IMAGES, facts, finished_builds

PROGRAM = StartProgram(start_program_digest())
Capture = pytest.CaptureFixture[str]
Body = dict[str, Any]
NAMED = {"image": "starter:0.7.3", "release": {"package": "llama-stack", "version": "0.7.3"}}
STARTER, RELEASE = "docker.io/llamastack/distribution-starter:0.7.3", NAMED["release"]
INFERENCE = [{"provider_id": "v", "provider_type": "remote::vllm", "config": {"base_url": "http://v/v1"}}]
RUN_CONFIG = {"providers": {"inference": INFERENCE}}
MODULE = {"provider_id": "c", "provider_type": "remote::csoai", "module": "llama_stack_provider_csoai==0.1.0"}


def stack(**spec: Any) -> Body:
    spec = {"distribution": NAMED, "runConfig": RUN_CONFIG, **spec}
    named = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack", "metadata": {"name": "bot"}}
    return {**named, "spec": {key: value for key, value in spec.items() if value is not None}}


def config_map(name: str, **data: str) -> Body:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def render(tmp_path: Path, capsys: Capture, *bodies: Body, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
    file = tmp_path / "stack.yaml"
    file.write_text(yaml.safe_dump_all(bodies, sort_keys=False))
    status = main(["render", str(file), *options])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def objects(tmp_path: Path, capsys: Capture, *bodies: Body, options: tuple[str, ...] = ()) -> list[Body]:
    status, out, err = render(tmp_path, capsys, *bodies, options=options)
    assert status == 0, err
    return list(yaml.safe_load_all(out))


def of_kind(bodies: list[Body], kind: str) -> Body:
    (found,) = [body for body in bodies if body["kind"] == kind]
    return found


def server_config(bodies: list[Body]) -> Any:
    return yaml.safe_load(of_kind(bodies, "ConfigMap")["data"]["run.yaml"])


class TestTheObjects:
    def test_are_those_of_a_server_with_its_completed_run_config(self, tmp_path: Path, capsys: Capture) -> None:
        found = objects(tmp_path, capsys, stack())
        assert [body["kind"] for body in found] == ["ConfigMap", "ServiceAccount", "Service", "Deployment"]
        assert server_config(found) == {**RUN_CONFIG, "distro_name": "bot"}

    def test_come_as_a_list_of_json_too(self, tmp_path: Path, capsys: Capture) -> None:
        _, out, _ = render(tmp_path, capsys, stack(), options=("-o", "json"))
        assert json.loads(out) == objects(tmp_path, capsys, stack())

    def test_of_several_stacks_are_in_one_stream(self, tmp_path: Path, capsys: Capture) -> None:
        other = stack()
        other["metadata"] = {"name": "other", "namespace": "team-b"}
        found = objects(tmp_path, capsys, stack(), other, options=("--namespace", "team-a"))
        services = [body["metadata"] for body in found if body["kind"] == "Service"]
        assert [(one["namespace"], one["name"]) for one in services] == [("team-a", "bot"), ("team-b", "other")]

    def test_come_with_the_program_of_their_pods_where_that_is_wanted(self, tmp_path: Path, capsys: Capture) -> None:
        other = stack()
        other["metadata"] = {"name": "other"}
        first, *others = objects(tmp_path, capsys, stack(), other, options=("--with-program", "--namespace", "team-a"))
        assert (first["metadata"]["namespace"], first["metadata"]["name"]) == ("team-a", PROGRAM.config_map)
        assert base64.b64decode(first["binaryData"]["start.pyz"]) == start_program()
        assert all("binaryData" not in body for body in others)

    def test_can_be_applied_where_the_file_has_no_uid(self, tmp_path: Path, capsys: Capture) -> None:
        for body in objects(tmp_path, capsys, stack(server={"storage": {"size": "1Gi"}})):
            assert body["metadata"].keys() == {"namespace", "name", "labels"}

    def test_take_the_run_config_and_external_files_from_the_same_files(self, tmp_path: Path, capsys: Capture) -> None:
        reference = {"configMapKeyRef": {"name": "mine", "key": "run.yaml"}}
        external = {"api": "inference", "providerType": "remote::custom_ollama"}
        external["configMapKeyRef"] = {"name": "mine", "key": "spec.yaml"}  # type: ignore[assignment]
        body = stack(runConfig=None, runConfigFrom=reference, externalProviders=[external])
        maps = config_map("mine", **{"run.yaml": yaml.safe_dump(RUN_CONFIG), "spec.yaml": PROVIDER})
        data = of_kind(objects(tmp_path, capsys, body, maps), "ConfigMap")["data"]
        assert data["providers.d.remote.inference.custom_ollama.yaml"] == PROVIDER
        assert yaml.safe_load(data["run.yaml"])["distro_name"] == "bot"

    def test_take_the_settings_of_an_installation(self, tmp_path: Path, capsys: Capture) -> None:
        options = ("--run-as-user", "none", "--progress-deadline", "60")
        spec = of_kind(objects(tmp_path, capsys, stack(), options=options), "Deployment")["spec"]
        assert spec["progressDeadlineSeconds"] == 60 // 4 + 600, "no check and no start that is allowed takes longer"
        assert "runAsUser" not in spec["template"]["spec"]["securityContext"]


class TestABuild:
    STACK = stack(runConfig={**RUN_CONFIG, "providers": {**RUN_CONFIG["providers"], "eval": [MODULE]}})

    def test_that_has_to_come_first_is_all_there_is_yet(self, tmp_path: Path, capsys: Capture) -> None:
        status, out, err = render(tmp_path, capsys, self.STACK)
        (build,) = yaml.safe_load_all(out)
        assert (status, build["kind"], build["spec"]["inputs"]["base"]["image"]) == (
            0,
            "LlamaStackBuild",
            "starter:0.7.3",
        )
        assert f"the build {build['metadata']['name']} is asked for" in err
        assert "The rest follows when it is built" in err

    def done(self, tmp_path: Path, capsys: Capture) -> Body:
        (build,) = objects(tmp_path, capsys, self.STACK)
        module = {"requirement": MODULE["module"], "importName": "llama_stack_provider_csoai", "version": "0.1.0"}
        status = {"phase": "Succeeded", "python": "3.12", "platform": "linux/amd64", "modules": [module]}
        return {**build, "status": status}

    def test_that_is_done_is_what_the_pods_install_from(self, tmp_path: Path, capsys: Capture) -> None:
        done = self.done(tmp_path, capsys)
        found = objects(tmp_path, capsys, self.STACK, done, options=("--operator-image", "registry.example/operator:1"))
        pod = of_kind(found, "Deployment")["spec"]["template"]["spec"]
        assert [container["image"] for container in pod["initContainers"]] == [
            "registry.example/operator:1",
            "starter:0.7.3",
            "starter:0.7.3",
        ]

    def test_needs_the_operators_image_only_where_pods_run_it(self, tmp_path: Path, capsys: Capture) -> None:
        status, _, err = render(tmp_path, capsys, self.STACK, self.done(tmp_path, capsys))
        assert (status, "name it with --operator-image" in err) == (2, True)

    def test_with_secrets_has_another_name_in_a_cluster(self, tmp_path: Path, capsys: Capture) -> None:
        body = {**self.STACK, "spec": {**self.STACK["spec"], "build": {"pip": {"secretRef": {"name": "index"}}}}}
        _, _, err = render(tmp_path, capsys, body)
        assert "in a cluster its name ends otherwise" in err

    def test_is_taken_from_standard_input_as_kubectl_prints_it(
        self, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        printed = yaml.safe_dump(self.done(tmp_path, capsys)).encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(printed)))
        options = ("-", "--operator-image", "registry.example/operator:1")
        assert of_kind(objects(tmp_path, capsys, self.STACK, options=options), "Deployment")


class TestWhatOnlyAClusterKnows:
    def told(self, tmp_path: Path, capsys: Capture, *bodies: Body) -> str:
        status, _, err = render(tmp_path, capsys, *bodies)
        assert status == 0, err
        return err

    def test_is_not_asked_of_secrets(self, tmp_path: Path, capsys: Capture) -> None:
        env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
        assert self.told(tmp_path, capsys, stack(server={"env": env})) == ""

    def test_is_told_of_config_maps_whose_digest_is_in_the_pods(self, tmp_path: Path, capsys: Capture) -> None:
        body = stack(server={"envFrom": [{"configMapRef": {"name": "shared"}}]})
        assert "ConfigMap shared is not in these files" in self.told(tmp_path, capsys, body)
        assert self.told(tmp_path, capsys, body, config_map("shared", a="b")) == ""

    def test_is_told_of_claims_whose_access_decides_the_strategy(self, tmp_path: Path, capsys: Capture) -> None:
        body = stack(server={"storage": {"claimName": "data"}})
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
        claim["spec"] = {"accessModes": ["ReadWriteMany"]}  # type: ignore[assignment]
        assert "the claim data is not in these files" in self.told(tmp_path, capsys, body)
        found = objects(tmp_path, capsys, body, claim)
        assert of_kind(found, "Deployment")["spec"]["strategy"]["type"] == "RollingUpdate"


class TestWhatCannotBeRendered:
    def test_has_the_findings_of_validate_and_no_output(self, tmp_path: Path, capsys: Capture) -> None:
        wrong = {"providers": {"inference": [{"provider_id": "v", "provider_type": "remote::vlm"}]}}
        status, out, err = render(
            tmp_path, capsys, stack(runConfig=wrong, distribution={"image": STARTER, "release": RELEASE})
        )
        assert (status, out) == (1, "")
        assert "UnknownProviderType" in err

    def test_has_the_findings_of_the_operator(self, tmp_path: Path, capsys: Capture) -> None:
        status, out, err = render(tmp_path, capsys, stack(server={"port": "none"}))
        assert (status, out) == (1, "")
        assert "spec.server.port" in err

    def test_lacks_a_config_map_that_becomes_a_part_of_it(self, tmp_path: Path, capsys: Capture) -> None:
        reference = {"configMapKeyRef": {"name": "mine", "key": "run.yaml"}}
        status, out, err = render(tmp_path, capsys, stack(runConfig=None, runConfigFrom=reference))
        assert (status, out) == (1, "")
        assert "error   spec.runConfigFrom.configMapKeyRef" in err

    def test_has_no_name(self, tmp_path: Path, capsys: Capture) -> None:
        status, _, err = render(tmp_path, capsys, {**stack(), "metadata": {"labels": {"a": "b"}}})
        assert (status, "metadata.name" in err) == (1, True)

    def test_is_no_stack(self, tmp_path: Path, capsys: Capture) -> None:
        status, _, err = render(tmp_path, capsys, config_map("mine"))
        assert (status, "no LlamaStack" in err) == (2, True)


OWN = {"provider_id": "own", "provider_type": "remote::own"}


class TestAnErrorThatDoesNotStopAStack:
    """What the operator only warns about is rendered, and the warning told."""

    @pytest.mark.parametrize(
        "spec",
        [
            {"distribution": {"image": "registry.example/own:1"}},
            {"distribution": {"image": "registry.example/own:1", "release": RELEASE}},
            {"distribution": {"image": STARTER, "release": RELEASE}, "startup": {"validation": "Warn"}},
        ],
    )
    def test_is_a_warning(self, spec: dict[str, Any], tmp_path: Path, capsys: Capture) -> None:
        run_config = {"version": 2, "distro_name": "a", "providers": {"inference": [OWN]}}
        body = stack(runConfig=run_config, **spec)
        status, out, err = render(tmp_path, capsys, body)
        assert (status, "kind: Deployment" in out) == (0, True), err
        assert "UnknownProviderType" in err

    def test_is_an_error_where_it_is_certain(self, tmp_path: Path, capsys: Capture) -> None:
        run_config = {"version": 2, "distro_name": "a", "providers": {"inference": [OWN]}}
        body = stack(runConfig=run_config, distribution={"image": STARTER, "release": RELEASE})
        assert render(tmp_path, capsys, body)[0] == 1


# There the digests of ConfigMaps are made up, and two have errors.
ELSEWHERE = {"external-providers", "run-config-from", "wrong", "wrong-run-config"}


@pytest.mark.parametrize("case", sorted(set(cases()) - ELSEWHERE))
def test_a_stack_of_a_cluster_becomes_what_the_operator_plans(case: str, capsys: Capture, tmp_path: Path) -> None:
    body = manifest(case)
    body["metadata"] |= IDENTITY
    if "release" not in body["spec"]["distribution"]:
        # An image alone gets no name from the operator, and without one the checks refuse it.
        body["spec"]["runConfig"]["distro_name"] = "mine"
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "old-data"}}
    claim |= {"spec": {"accessModes": ["ReadWriteOnce"]}}
    options = ("--namespace", IDENTITY["namespace"], *(("--run-as-user", "none") if case in SETTINGS else ()))
    bodies = [body, claim, *finished_builds(facts(body))]
    options = (*options, "--operator-image", IMAGES.operator)
    assert objects(tmp_path, capsys, *bodies, options=options) == rendered(body, case, PROGRAM)


def test_no_network_library_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(yaml.safe_dump(stack()))
    code = (
        "import sys; from llamastack_operator.cli import main; assert main(sys.argv[1:]) == 0;"
        "print([m for m in ('kopf', 'kubernetes', 'aiohttp', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, "render", str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


class TestAnyManifest:
    @pytest.mark.parametrize(
        "metadata",
        [{"name": "bot", "uid": 7, "resourceVersion": "x", "generation": "y", "annotations": []}, {"name": 7}],
    )
    def test_with_odd_metadata_stops_nothing(self, metadata: Body, tmp_path: Path, capsys: Capture) -> None:
        assert render(tmp_path, capsys, {**stack(), "metadata": metadata, "status": "odd"})[0] == 0

    def test_has_dates_and_keys_as_text_as_kubectl_sends_them(self, tmp_path: Path, capsys: Capture) -> None:
        run_config = {**RUN_CONFIG, "server": {"since": datetime.date(2026, 1, 1), 1: 2}}
        status, out, _ = render(tmp_path, capsys, stack(runConfig=run_config))
        config = server_config(list(yaml.safe_load_all(out)))
        assert (status, config["server"]) == (0, {"since": "2026-01-01", "1": 2})
