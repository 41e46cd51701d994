"""Runs inside a release's environment: the start check for one config after another, in one process.

Reads a line of JSON for each, `{"config": ..., "variables": {...}}`, and answers with a line: reason, path and message
of each error. What is installed is described once. Modules are imported and nothing is instantiated, which would take
networks and gigabytes.
"""

import json
import os
import sys
from pathlib import Path

from llamastack_resolver.findings import Severity
from llamastack_resolver.introspection import find_layout
from llamastack_resolver.start import check

KNOWLEDGE = check.installed_knowledge(find_layout(), [])
check.installed_knowledge = lambda *_: KNOWLEDGE


def errors(config: object, variables: dict[str, str]) -> list[list[str]]:
    file = Path(os.environ["HOME"], "run.yaml")
    file.write_text(json.dumps(config))
    report = check.start_check(file, "import", environment=variables)
    return [[str(f.reason), f.path, f.message] for f in report.findings if f.severity is Severity.ERROR]


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # releases log to standard output
    for line in sys.stdin:
        task = json.loads(line)
        print(json.dumps(errors(task["config"], task["variables"])), file=out, flush=True)


if __name__ == "__main__":
    main()
