"""The Event that is posted about a stack, and the errors of the API server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from llamastack_operator.kube.client import ApiError
from llamastack_operator.kube.events import NOTE_LIMIT, event


def posted(message: str = "words", warning: bool = True) -> dict[str, Any]:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return event(("team-a", "bot"), "stack-uid", "CrashLooping", message, warning, now, "pod-1")


def test_an_event_is_about_the_stack_and_is_in_its_namespace() -> None:
    body = posted()
    assert body["metadata"] == {"namespace": "team-a", "generateName": "bot-"}
    assert body["involvedObject"] == {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "namespace": "team-a",
        "name": "bot",
        "uid": "stack-uid",
    }
    assert body["firstTimestamp"] == body["lastTimestamp"] == "2026-01-02T03:04:05Z"
    assert (body["reason"], body["reportingInstance"]) == ("CrashLooping", "pod-1")


@pytest.mark.parametrize(("warning", "kind"), [(True, "Warning"), (False, "Normal")])
def test_trouble_is_a_warning(warning: bool, kind: str) -> None:
    assert posted(warning=warning)["type"] == kind


def test_a_message_that_the_api_server_would_refuse_for_its_length_is_cut() -> None:
    assert posted("x" * 5000)["message"] == "x" * NOTE_LIMIT


class TestApiError:
    def test_has_the_servers_words_and_causes(self) -> None:
        causes = [{"field": "spec.a", "message": "bad", "reason": "FieldValueInvalid"}, {"message": "worse"}]
        error = ApiError(422, {"message": "invalid", "reason": "Invalid", "details": {"causes": causes}})
        assert (str(error), error.code, error.reason) == ("invalid", 422, "Invalid")
        assert error.causes == [("spec.a", "bad"), ("", "worse")]
        assert not error.namespace_terminating

    @pytest.mark.parametrize("body", [{}, {"details": None}, {"details": {"causes": None}}, {"message": None}])
    def test_without_words_says_the_status(self, body: dict[str, Any]) -> None:
        error = ApiError(502, body)
        assert str(error) == "HTTP status 502"
        assert error.causes == []

    def test_knows_a_namespace_that_is_on_its_way_out(self) -> None:
        causes = [{"reason": "NamespaceTerminating", "message": "namespace x is being terminated"}]
        assert ApiError(403, {"details": {"causes": causes}}).namespace_terminating
