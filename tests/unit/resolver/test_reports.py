"""Reports of pods: small enough for a termination message, and free of secrets."""

import json

from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.start.check import compact
from llamastack_resolver.start.redact import BLOT, Redactor

TEXTS = st.text(max_size=300)


def report(messages: list[str], providers: int = 0) -> dict:
    return {
        "stackVersion": "0.7.3",
        "order": [{"api": "inference"}] * 50,
        "findings": [{"severity": "error", "reason": "X", "message": text, "path": "p"} for text in messages],
        "providers": [{"api": "a", "id": f"p{n}", "state": "Ready", "message": "m"} for n in range(providers)],
    }


@given(st.lists(TEXTS, max_size=60), st.integers(0, 100))
def test_a_compact_report_never_exceeds_the_limit_and_counts_what_it_cut(messages: list[str], providers: int):
    text = compact(report(messages, providers))

    data = json.loads(text)
    assert len(text.encode()) <= 4096
    assert len(data["findings"]) + data.get("findingsCut", 0) == len(messages)
    assert len(data["providers"]) + data.get("providersCut", 0) == providers


def test_a_small_report_is_kept_whole():
    assert json.loads(compact(report(["one"], 1)))["findings"][0]["message"] == "one"


def test_values_of_secret_variables_are_blotted_out_everywhere():
    redactor = Redactor({"OPENAI_API_KEY": "sk-12345", "DB_PASSWORD": "hunter2", "HOST": "vllm", "TOKEN": "x"})

    cleaned = redactor.clean({"a": ["key sk-12345 refused", {"b": "hunter2@vllm"}], "n": 1})

    assert cleaned == {"a": [f"key {BLOT} refused", {"b": f"{BLOT}@vllm"}], "n": 1}
