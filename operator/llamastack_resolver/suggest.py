"""Nearest names: a misspelt word is answered with the word that was meant."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

CUTOFF = 0.6
MOST = 3
_LONGEST = 1024
"""Most characters of a word that is compared: comparisons are remembered, with their words."""


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """Return up to three of `names` that look like `word`, the best first.

    A difference of case, of `-` and `_`, or of the `remote::`/`inline::` prefix counts for little.
    """
    scored, plain = [], _plain(word)
    for name in sorted(set(names)):
        ratio = _likeness(plain, _plain(name)) if _may_be_alike(plain, _plain(name)) else 0.0
        if ratio >= CUTOFF:
            scored.append((-ratio, name))
    return [name for _, name in sorted(scored)[:MOST]]


def _may_be_alike(one: str, other: str) -> bool:
    """Tell whether two names can be alike, by their lengths: nobody mistypes thousands of characters."""
    shorter, longer = sorted(len(name.rpartition("::")[2]) for name in (one, other))
    return len(one) <= _LONGEST and 2 * shorter >= CUTOFF * (shorter + longer)


@lru_cache(maxsize=4096)
def _likeness(one: str, other: str) -> float:
    """Return how alike two names are, from 0 to 1; of `remote::vllm` the part after `::` counts."""
    from difflib import SequenceMatcher  # only a mistake needs it

    (prefix, _, name), (other_prefix, _, other_name) = one.rpartition("::"), other.rpartition("::")
    ratio = SequenceMatcher(None, name, other_name).ratio()
    return ratio if prefix == other_prefix else ratio * 0.95


def did_you_mean(word: str, names: Iterable[str]) -> str | None:
    """Return `did you mean x, or y?`, or None where nothing looks like the word."""
    found = nearest(word, names)
    return f"did you mean {' or '.join(found)}?" if found else None


def _plain(word: str) -> str:
    return word.lower().replace("_", "-")
