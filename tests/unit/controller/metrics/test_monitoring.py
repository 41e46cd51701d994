"""The alerts, the dashboard and the page about metrics speak of metrics and labels that there are."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml
from prometheus_client import CollectorRegistry

from llamastack_operator.controller.metrics.collector import OperatorCollector, Sources
from llamastack_operator.controller.metrics.passes import LoopLag, PassMetrics
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.apply import Applier
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.child import Key

REPOSITORY = Path(__file__).resolve().parents[4]
ALERTS = REPOSITORY / "examples" / "monitoring" / "alerts.yaml"
DASHBOARD = REPOSITORY / "examples" / "monitoring" / "dashboard.json"
PAGE = (REPOSITORY / "docs" / "metrics.md").read_text("utf-8")
_SELECTOR = re.compile(r"(llamastack_\w+)(?:\{([^}]*)\})?")


def told() -> dict[str, set[str]]:
    """Return the labels of each metric that an operator tells, by the name that it has in a query.

    The client is none: nothing is asked of it but what it has counted.
    """

    registry = CollectorRegistry()
    PassMetrics(registry)
    LoopLag(registry)
    client = cast(Client, SimpleNamespace(answers=Counter({("GET", "pods", 200): 1})))
    queue: WorkQueue[Key] = WorkQueue()
    applier = Applier(client, {})
    applier.corrections["Deployment"] += 1
    sources = Sources(client, Cache(), Cache(), {"stack": queue}, (), Unreadable("llamastacks"), applier)
    registry.register(OperatorCollector(sources))
    families = list(registry.collect())
    found = {}
    for family in families:
        labels = set(family._labelnames) if hasattr(family, "_labelnames") else set()
        labels |= {name for sample in family.samples for name in sample.labels}
        names = [family.name] if family.type == "gauge" else [f"{family.name}_total"]
        if family.type == "histogram":
            names = [f"{family.name}_{part}" for part in ("bucket", "sum", "count")]
        found.update(dict.fromkeys(names, labels))
    return found


def queries() -> dict[str, str]:
    alerts = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {rule["alert"]: rule["expr"] for rule in alerts}
    return asked | {f"{one['title']} {two['refId']}": two["expr"] for one in panels for two in one["targets"]}


@pytest.mark.parametrize("name", queries())
def test_a_query_asks_for_what_there_is(name: str) -> None:
    metrics = told()
    selectors = list(_SELECTOR.finditer(queries()[name]))
    assert selectors
    for found in selectors:
        assert found[1] in metrics, found[0]


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_the_page_has_every_metric_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(llamastack_\w+)`", PAGE, re.MULTILINE))
    metrics = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told()}
    assert documented == metrics
