"""What the API server says against an object of ours, in the words of the stack's own spec."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.controller.stack.rejection import contention_findings, rejection_findings
from llamastack_operator.kube.apply import ContendedError
from llamastack_operator.kube.client import ApiError
from llamastack_operator.kube.contention import Contender
from llamastack_operator.objects.resources import DEPLOYMENTS

CONTAINER = "spec.template.spec.containers[0]"
SPEC: dict[str, Any] = {"server": {"resources": {"limits": {"memory": "1Gi"}}}}


def refusal(code: int, *causes: tuple[str, str], message: str = "no") -> ApiError:
    details: dict[str, Any] = {"causes": [{"field": field, "message": words} for field, words in causes]}
    return ApiError(code, {"message": message, "details": details})


class TestRefusal:
    def test_gives_one_finding_for_each_cause(self) -> None:
        error = refusal(422, (f"{CONTAINER}.resources.requests", "too much"), ("spec.unknown", "odd"))
        findings = rejection_findings("Deployment", "bot", error, SPEC)
        assert [(item.reason, item.path) for item in findings] == [
            ("Rejected", "spec.server.resources.requests"),
            ("Rejected", "spec"),
        ]
        assert findings[1].message == "the API server refused Deployment 'bot' at spec.unknown: odd"

    @pytest.mark.parametrize("index", [0, 2])
    def test_of_the_check_that_has_what_the_server_has_is_told_once(self, index: int) -> None:
        check = f"spec.template.spec.initContainers[{index}]"
        causes = [(f"{one}.resources.requests", "too much") for one in (check, CONTAINER)]
        (finding,) = rejection_findings("Deployment", "bot", refusal(422, *causes), SPEC)
        assert finding.path == "spec.server.resources.requests"
        assert CONTAINER in finding.message

    @pytest.mark.parametrize("code", [400, 403, 422])
    def test_without_causes_gives_the_servers_words(self, code: int) -> None:
        (finding,) = rejection_findings("Service", "bot", refusal(code, message="exceeded quota: small"), SPEC)
        assert finding.message == "the API server refused Service 'bot': exceeded quota: small"
        assert finding.reason == "Rejected"
        assert finding.path == "spec"
        assert finding.hint

    @pytest.mark.parametrize("code", [409, 429, 500, 503])
    def test_that_may_pass_is_tried_again_and_not_called_one(self, code: int) -> None:
        (finding,) = rejection_findings("Service", "bot", refusal(code, ("spec", "x"), message="later"), SPEC)
        assert finding.reason == "ApplyFailed"
        assert finding.message == "Service 'bot' could not be applied: later"
        assert (finding.path, bool(finding.hint)) == ("spec", True)


class TestContention:
    def told(self, **known: Any) -> tuple[str, str, str]:
        error = ContendedError(DEPLOYMENTS, ("team-a", "bot"), Contender(**known))
        (finding,) = contention_findings(error, SPEC)
        assert finding.reason == "Contended"
        assert finding.hint
        return finding.message, finding.path, finding.hint

    def test_names_who_changes_which_field(self) -> None:
        message, path, hint = self.told(manager="kube-controller-manager", field="spec.replicas")
        assert message == (
            "'kube-controller-manager' changes spec.replicas of Deployment 'bot' again and again; "
            "it is set back once a minute"
        )
        assert path == "spec.server.replicas"
        assert "spec.server.autoscaling" in hint

    def test_of_another_operator_says_that_there_is_one(self) -> None:
        message, path, _ = self.told(renders=True)
        assert message.startswith("another LlamaStack operator, or another version of it, changes Deployment 'bot'")
        assert path == "spec"

    def test_of_who_deletes_or_removes_fields_says_what_happens(self) -> None:
        assert self.told(deletes=True)[0].startswith("somebody deletes Deployment 'bot' again and again")
        assert self.told()[0].startswith("somebody changes Deployment 'bot' again and again")
