"""Reasons about what providers need of each other."""

from __future__ import annotations

from llamastack_resolver.findings import ERROR_OF_A_STACK, UNRESOLVED, Declaration, Place, Reason, Severity


class StartPlanReason(Reason):
    """Why there is no order in which all providers can start."""

    MISSING_DEPENDENCY = Declaration(
        "MissingDependency",
        meaning="An API that a provider needs, or that is to be served, has no provider.",
        cure="Add a provider of that API, or remove what needs it.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="inline::builtin needs the API `vector_io`, which nothing provides",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    DEPENDENCY_CYCLE = Declaration(
        "DependencyCycle",
        meaning="Providers depend on each other in a circle: the release refuses it, or one lacks the other.",
        cure="Make one of these dependencies optional, or leave one of these providers out.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="providers depend on each other: eval (a) -> agents (b) -> eval (a)",
        severities=(Severity.ERROR, Severity.WARNING),
    )
