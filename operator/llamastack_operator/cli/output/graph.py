"""The start plan as a graph: Mermaid for documents and pull requests, DOT for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start_plan.plan import PlanStep


def to_mermaid(plan: Sequence[PlanStep]) -> str:
    """Return a Mermaid flowchart; an arrow points to what starts later."""
    lines = ["flowchart LR"]
    for index, step in enumerate(plan):
        label = "<br/>".join(_label(step)).replace('"', "#quot;")
        left, right = ("[", "]") if step.stage == "providers" else ("([", "])")
        lines.append(f'  n{index}{left}"{label}"{right}')
    lines += [f"  n{before} --> n{after}" for before, after in _edges(plan)]
    return "\n".join(lines)


def to_dot(plan: Sequence[PlanStep]) -> str:
    """Return a DOT graph; an arrow points to what starts later."""
    lines = ["digraph stack {", "  rankdir=LR;", "  node [fontname=Helvetica];"]
    for index, step in enumerate(plan):
        label = "\\n".join(part.replace("\\", "\\\\").replace('"', '\\"') for part in _label(step))
        shape = "box" if step.stage == "providers" else "ellipse"
        lines.append(f'  n{index} [shape={shape}, label="{label}"];')
    lines += [f"  n{before} -> n{after};" for before, after in _edges(plan)]
    return "\n".join([*lines, "}"])


def _label(step: PlanStep) -> list[str]:
    if step.stage != "providers":
        return [step.api, "routing table" if step.stage == "table" else "router"]
    return [step.api, *(f"{p.provider_id}: {p.provider_type}{_where(p)}" for p in step.providers)]


def _where(provider: ProviderWithSpec) -> str:
    return f" (where {provider.condition})" if provider.condition else ""


def _edges(plan: Sequence[PlanStep]) -> Iterator[tuple[int, int]]:
    numbers = {step.key: index for index, step in enumerate(plan)}
    for index, step in enumerate(plan):
        for key in step.depends_on:
            if key in numbers:
                yield numbers[key], index
