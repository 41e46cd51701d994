"""How pods are checked and run: what a spec makes of the arguments of the program. Whole pods are in tests/golden."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.packed.bootstrap import BOOTSTRAP
from llamastack_operator.workloads.children import children
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.runtime import Runtime, StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.releases import Release

PROGRAM = StartProgram("0123456789abcdef" * 4)
SECRET = {"secretKeyRef": {"name": "keys", "key": "k"}}
Body = dict[str, Any]


def deployment(release: Release | None = None, settings: WorkloadSettings | None = None, **fields: Any) -> Body:
    spec = LlamaStackSpec.model_validate({"distribution": {"image": "registry.example/a:1"}, **fields})
    runtime = Runtime(image="registry.example/a:1", release=release, program=PROGRAM)
    wanted = children(Owner(("team-a", "bot"), "u"), spec, runtime, "{}", "", True, settings or WorkloadSettings())
    (body,) = (item.body for item in wanted if item.resource.kind == "Deployment")
    return dict(body)


def pod(**arguments: Any) -> Body:
    found: Body = deployment(**arguments)["spec"]["template"]["spec"]
    return found


def check(**fields: Any) -> list[str]:
    (container,) = pod(**fields)["initContainers"]
    command: list[str] = container["command"]
    return command


def values(command: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(command) if name == option]


class TestTheCheck:
    def test_sees_all_that_the_server_has(self) -> None:
        server = {
            "env": [{"name": "A", "value": "1"}],
            "envFrom": [{"secretRef": {"name": "keys"}}],
            "resources": {"limits": {"memory": "2Gi"}},
            "podTemplate": {
                "volumes": [{"name": "models", "emptyDir": {}}],
                "volumeMounts": [{"name": "models", "mountPath": "/models"}],
            },
        }
        found = pod(server=server)
        (checking,), (serving,) = found["initContainers"], found["containers"]
        for part in ("image", "env", "envFrom", "resources", "securityContext"):
            assert checking[part] == serving[part]
        assert [mount for mount in checking["volumeMounts"] if mount["name"] != "llamastack-proven"] == serving[
            "volumeMounts"
        ]
        assert "ports" not in checking and "livenessProbe" not in checking

    def test_leaves_its_report_alone_in_the_pods_status(self) -> None:
        """The log of what it starts is the tenant's, and may have secrets in it."""
        for container in (*pod()["initContainers"], *pod()["containers"]):
            assert container["terminationMessagePolicy"] == "File"
            assert values(container["command"], "--termination-log") == ["/dev/termination-log"]

    def test_is_run_from_what_the_template_itself_compares(self) -> None:
        assert check()[:7] == [
            "python3",
            "-c",
            BOOTSTRAP,
            "/llamastack/start/start.pyz",
            PROGRAM.sha256,
            PROGRAM.config_map,
            "check",
        ]

    @pytest.mark.parametrize(
        ("chosen", "mode"), [(None, "instantiate"), ("Instantiate", "instantiate"), ("Import", "import")]
    )
    def test_goes_as_far_as_the_stack_says(self, chosen: str | None, mode: str) -> None:
        startup = {"check": chosen} if chosen else None
        assert values(check(startup=startup), "--mode") == [mode]

    def test_is_left_out_where_the_stack_says_so_and_the_server_is_run_all_the_same(self) -> None:
        found = pod(startup={"check": "Skip"})
        assert "initContainers" not in found
        assert "serve" in found["containers"][0]["command"]

    def test_only_reports_where_the_stack_wants_no_more_than_warnings(self) -> None:
        assert "--report-only" in check(startup={"validation": "Warn"})
        assert "--report-only" not in check(startup={"validation": "Enforce"})

    def test_weighs_compliance_as_the_stack_says(self) -> None:
        found = check(startup={"compliance": {"missing": "Warning", "signature": "Error"}})
        assert (values(found, "--missing"), values(found, "--signature")) == (["warning"], ["error"])
        assert values(check(), "--missing") == []


class TestSecrets:
    """Names alone are told: of variables whose values nobody may repeat, and of those that are no secret."""

    @pytest.mark.parametrize("container", ["initContainers", "containers"])
    def test_are_told_by_the_names_of_their_variables(self, container: str) -> None:
        env = [{"name": "KEY", "valueFrom": SECRET}, {"name": "URL", "value": "http://a"}]
        (found,) = pod(server={"env": env})[container]
        assert (values(found["command"], "--secret"), values(found["command"], "--public")) == (["KEY"], ["URL"])
        assert "--others-secret" not in found["command"]

    def test_may_be_all_other_variables_where_a_whole_secret_is_taken(self) -> None:
        assert "--others-secret" in check(server={"envFrom": [{"secretRef": {"name": "keys"}}]})
        assert "--others-secret" not in check(server={"envFrom": [{"configMapRef": {"name": "a"}}]})


class TestTheServer:
    def serve(self, **fields: Any) -> list[str]:
        command: list[str] = pod(**fields)["containers"][0]["command"]
        return command[6:]

    def test_is_started_as_its_release_wants_where_that_is_known(self) -> None:
        found = self.serve(release=Release("ogx", "1.5.0"))
        assert found[found.index("--release") :][:3] == ["--release", "ogx", "1.5.0"]
        assert "--release" not in self.serve()

    def test_listens_where_the_service_asks(self) -> None:
        assert values(self.serve(server={"port": 9000}), "--port") == ["9000"]


class TestTime:
    @pytest.mark.parametrize(
        ("probe", "period"), [(None, 1), ({"failureThreshold": 600}, 2), ({"periodSeconds": 5}, 5)]
    )
    def test_between_looks_at_a_start_is_what_the_stack_chose_its_number_of_looks_for(
        self, probe: Body | None, period: int
    ) -> None:
        (serving,) = pod(server={"probes": {"startup": probe}} if probe else None)["containers"]
        assert serving["startupProbe"]["periodSeconds"] == period

    @pytest.mark.parametrize(("deadline", "seconds"), [(600, 150), (60, 15), (4, 10)])
    def test_of_a_check_is_a_part_of_that_of_a_rollout(self, deadline: int, seconds: int) -> None:
        assert values(check(settings=WorkloadSettings(progress_deadline=deadline)), "--deadline") == [str(seconds)]

    @pytest.mark.parametrize(
        ("probe", "allowed"),
        [
            ({}, 600),
            ({"failureThreshold": 600}, 1200),
            ({"initialDelaySeconds": 30, "periodSeconds": 10, "failureThreshold": 3}, 60),
        ],
    )
    def test_of_a_rollout_is_never_less_than_check_and_start_may_take(self, probe: Body, allowed: int) -> None:
        """A start that is permitted was called Stalled before it was at its end."""
        found = deployment(server={"probes": {"startup": probe}} if probe else None)
        assert found["spec"]["progressDeadlineSeconds"] == max(600, 150 + allowed)


def test_pods_of_before_have_nothing_of_it() -> None:
    spec = LlamaStackSpec.model_validate({"distribution": {"image": "registry.example/a:1"}})
    runtime = Runtime(image="registry.example/a:1")
    wanted = children(Owner(("team-a", "bot"), "u"), spec, runtime, "{}", "", True, WorkloadSettings(program=PROGRAM))
    assert "llamastack-start" not in str([item.body for item in wanted])
