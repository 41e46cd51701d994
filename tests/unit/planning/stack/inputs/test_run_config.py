"""What a run config has to be before anything reads it."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.planning.stack.inputs.config_map_texts import take
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from tests.support.world import llamastack
from tests.unit.planning.stack.inputs.test_external import FROM, content, spec


def told(run_config: Any) -> list[str]:
    return [finding.message for finding in stack_from(llamastack(runConfig=run_config)).findings]


@pytest.mark.parametrize(
    ("run_config", "kind"), [("text", "text"), ([], "a list"), (True, "a boolean"), (1.5, "a number")]
)
def test_an_inline_one_is_a_mapping(run_config: Any, kind: str) -> None:
    assert told(run_config) == [f"spec.runConfig must be a mapping, not {kind}"]


@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
class TestTheSize:
    def test_of_an_inline_one_is_bounded_by_its_bytes(self, letter: str) -> None:
        kept = stack_from(llamastack(runConfig={"providers": {}, "x": letter * (SIZE_LIMIT // len(letter.encode()))}))
        assert [finding.message for finding in kept.findings] == [f"spec.runConfig is larger than {SIZE_LIMIT} bytes"]
        assert kept.run_config is None

    def test_of_a_referenced_one_is_bounded_by_its_bytes(self, letter: str) -> None:
        text = "#" + letter * (SIZE_LIMIT // len(letter.encode()))
        taken = take(spec(**FROM), "team-a", content(**{"run.yaml": text}))
        assert [finding.message for finding in taken.findings] == [
            f"spec.runConfigFrom.configMapKeyRef is larger than {SIZE_LIMIT} bytes"
        ]
        assert taken.run_config is None


def test_a_deep_one_that_only_yaml_can_hold_is_not_blown_up_by_its_indentation() -> None:
    """`1e` makes a text that JSON and YAML read differently; 90 levels of many lines were 100 MB as block YAML."""
    value: Any = ["1e"] * 20_000
    for _ in range(90):
        value = [value]
    assert told({"providers": {}, "deep": value}) == [f"spec.runConfig is larger than {SIZE_LIMIT} bytes"]
