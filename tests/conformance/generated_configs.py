"""Run configs made from the schemas of a release: most of each is right, and anything in it may be wrong."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st

from llamastack_operator import catalog
from llamastack_resolver.documents.complete import default_storage
from tests.conformance.mutations import models
from tests.conformance.provider_configs import Case, renamed, right_configs, without_a_required_key
from tests.conformance.releases import release

Config = dict[str, Any]
VARIABLES = {"A": "a", "NUMBER": "5", "EMPTY": ""}
"""The variables of a server; what else configs refer to is not set."""
ABSENT_MODULE = "absent_module"
_REFERENCES = ["${env.A}", "${env.NUMBER}", "${env.NOT_SET}", "${env.NOT_SET:=1}", "${env.EMPTY:=}", "${env.A:+text}"]
_PLAIN = [None, "", "text", 5, -1, 1.5, True, [], {}, ["text"], {"text": 1}]
_IDS = ["a", "b", "c", "d", "e", "a", None, "", "__disabled__", 5]
_ID_REFERENCES = ["${env.A}", "${env.A:+b}", "${env.NOT_SET:+b}", "${env.NOT_SET:=c}", "${env.EMPTY:=__disabled__}"]


@cache
def cases(name: str) -> tuple[Case, ...]:
    """Return configs of every provider type of a release: right ones, and ones with a single mistake."""
    knowledge = catalog.load_release(release(name))
    right = [*right_configs(knowledge)]
    wrong = [one for case in right for change in (without_a_required_key, renamed) for one in change(case, knowledge)]
    # As many right ones as wrong ones, and each type first.
    return (*right * max(1, len(wrong) // len(right)), *wrong)


@st.composite
def run_configs(draw: Callable[[Any], Any], name: str, references: bool) -> Config:
    """Make a run config of a release.

    Args:
        draw: hypothesis's.
        name: the release.
        references: whether there may be references to variables in it.
    """
    ids = _IDS + _ID_REFERENCES * references
    values = _PLAIN + _REFERENCES * references
    providers: dict[str, list[Any]] = {}
    for case in draw(st.lists(st.sampled_from(cases(name)), min_size=1, max_size=6)):
        entry = {"provider_id": draw(st.sampled_from(ids)), "provider_type": case.spec.provider_type}
        entry |= draw(st.sampled_from([{}, {}, {}, {"module": ABSENT_MODULE}]))
        providers.setdefault(case.spec.api, []).append({**entry, "config": copy.deepcopy(case.config)})
    config: Config = {"version": 2, "image_name": "made", "providers": providers}
    if release(name) >= release("0.3.0"):
        config["storage"] = default_storage()
    if draw(st.booleans()):
        config["apis"] = [*providers, *draw(st.lists(st.sampled_from(["inference", "files", "zzz"]), max_size=2))]
    for _ in range(draw(st.integers(0, 2))):
        models(config).append({"model_id": "m", "provider_id": draw(st.sampled_from(ids)), "model_type": "llm"})
    for _ in range(draw(st.integers(0, 2))):
        holder, key = draw(st.sampled_from([*_places(config)]))
        # A copy: what is put in here may be changed with the next one, and is drawn again for other configs.
        holder[key] = copy.deepcopy(draw(st.sampled_from(values)))
    for key in draw(st.sampled_from([(), (), *((key,) for key in config)])):
        del config[key]
    return config


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a config, as what it is in and the key or index there."""
    for key, item in [*(value.items() if isinstance(value, dict) else enumerate(value))]:
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)
