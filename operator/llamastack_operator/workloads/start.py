"""The command that starts the server: by the release where it is known, else looked up in the image.

The look-up runs inside the pod, in the image's own Python, with the very table that the operator uses.
"""

from __future__ import annotations

import json

from llamastack_resolver.releases import START_RULES, Release, start_command

# Runs with `python3 -c`, so it must stand on the standard library alone and keep to old syntax.
_LOOK_UP = """\
import os, re, sys
from importlib.metadata import PackageNotFoundError, version
for package, since, argv in {rules}:
    try:
        found = [*map(int, re.findall(r"\\d+", version(package))), 0, 0][:3]
    except PackageNotFoundError:
        continue
    if found >= since:
        command = [part.format(config={config}, port={port}) for part in argv]
        os.execvp(command[0], command)
sys.exit("no llama-stack >= 0.2.12 and no ogx >= 0.8 in this image: use another, or set spec.distribution.release")
"""


def server_command(release: Release | None, config: str, port: int) -> list[str]:
    """Return the container's command.

    Args:
        release: the release in the image, or None to look it up at start.
        config: path of the run config in the container.
        port: the TCP port to serve on.
    """
    if release is not None:
        return start_command(release, config, port)
    rules = json.dumps([[rule.since.package, rule.since.number, rule.argv] for rule in START_RULES])
    return ["python3", "-c", _LOOK_UP.format(rules=rules, config=repr(config), port=port)]
