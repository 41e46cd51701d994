"""When a place of a config counts: what `${env.X:+id}` switches on counts where X is set, and not elsewhere.

Where the environment is not known, such a place may count. It is judged as if it did, and what is said about it names
the variables.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_NAMED = 4
"""How many variables of one clause the text names; the others are counted."""


@dataclass(frozen=True)
class Condition:
    """Which variables have to be set for a place to count.

    Attributes:
        clauses: names of variables; of each clause at least one has to be set.
        removes: whether the release removes the place where the condition does not hold, before it looks at the
            variables in it. It does so with resources without an id; an entry without an id is only skipped.
    """

    clauses: tuple[tuple[str, ...], ...]
    removes: bool = False

    def __str__(self) -> str:
        """Return it in words, to follow `where` or `only where`."""
        single = [clause[0] for clause in self.clauses if len(clause) == 1]
        texts = [f"{' and '.join(single)} {'is' if len(single) == 1 else 'are'} set"] if single else []
        return " and ".join([*texts, *(f"{_one_of(clause)} is set" for clause in self.clauses if len(clause) > 1)])

    @property
    def certain(self) -> frozenset[str]:
        """The variables that are set wherever the condition holds."""
        return frozenset(clause[0] for clause in self.clauses if len(clause) == 1)

    def implies(self, other: Condition | None) -> bool:
        """Whether `other` holds wherever this one does; None is what always holds."""
        return other is None or set(other.clauses) <= set(self.clauses)

    def also(self, other: Condition | None) -> Condition:
        """Return the condition that both hold."""
        clauses = dict.fromkeys((*self.clauses, *(other.clauses if other else ())))
        return Condition(tuple(clauses), self.removes)


def any_of(conditions: list[Condition]) -> str:
    """Return in words that one of some conditions holds."""
    texts = list(dict.fromkeys(str(condition) for condition in conditions))
    more = f" or {len(texts) - MAX_NAMED} more conditions hold" if len(texts) > MAX_NAMED else ""
    return f"{' or '.join(texts[:MAX_NAMED])}{more}"


def both(one: Condition | None, other: Condition | None) -> Condition | None:
    """Return the condition that both hold; None is what always holds."""
    return one.also(other) if one else other


def _one_of(names: tuple[str, ...]) -> str:
    more = f" or one of {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{' or '.join(names[:MAX_NAMED])}{more}"
