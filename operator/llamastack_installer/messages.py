"""Turns what pip printed into a failure with a reason, and says what pip leaves out.

pip has no machine-readable errors. Its messages are read here and nowhere else; the texts in the tests are
those of the pip that the operator's image brings, which the lock pins.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from llamastack_contract.names import canonical, name_of
from llamastack_installer.facts import Facts
from llamastack_installer.failure import FailureError
from llamastack_installer.projects import Project

SOURCES_FIELD = "spec.build.pip.allowSourceDistributions"
_STACKS = ("llama-stack", "llama-stack-api", "llama-stack-client", "ogx", "ogx-api", "ogx-client")
_NO_MATCH = re.compile(r"No matching distribution found for (?P<requirement>.+?)(?: \(from (?P<parent>[^()]*)\))?$")
_VERSIONS = re.compile(r"\(from versions: (?P<versions>[^()]*)\)")
_OTHER_PYTHON = re.compile(r"Ignored the following versions that require a different python version: (.*)$")
_PYTHON = re.compile(
    r"Package '(?P<package>[^']+)' requires a different Python: (?P<have>\S+) not in '(?P<want>[^']+)'"
)
_INVALID = re.compile(r"ERROR: Invalid requirement: (?P<text>.*)$")
_CONFLICT = re.compile(r"^ {4}(?P<who>.+?) depends on (?P<what>.+)$")
_REQUESTED = re.compile(r"^ {4}The user requested (?P<constraint>\(constraint\) )?(?P<what>.+)$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
_BUILDS = re.compile(r"^\s*(?:ERROR: )?(?:Failed to build|Failed building wheel for) '?(?P<name>[^' ]+)")
_COLLECTED_FOR = re.compile(r"^\s*Collecting (?P<what>\S+).*\(from (?P<chain>[^()]+)\)$")
_COLLECTS = re.compile(r"^\s*(?:Collecting|Building wheel for) (?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
# A file by its address, which may be that of the proxy and tells a user nothing.
_DIRECT = re.compile(r"^\S+ ?@ \S*/(?P<file>[^/#]+)(?:#\S*)?$")
_OUTPUT = re.compile(r"^\[\d+ lines? of output\]$")
_BUILD_SIGNS = (
    "subprocess-exited-with-error",
    "Failed to build ",
    "Failed building wheel",
    "metadata-generation-failed",
)


def missing_project(lines: Sequence[str]) -> str | None:
    """Return the name of the project that pip found no distribution of."""
    for line in reversed(lines):
        match = _NO_MATCH.search(line)
        if match and (name := _NAME.match(match["requirement"])):
            return name[0]
    return None


def failure_of(lines: Sequence[str], base: Facts, project: Project | None = None) -> FailureError:
    """Return why pip failed.

    Args:
        lines: what it printed.
        base: what the layer's base has, which nothing may replace.
        project: what the index has of the `missing_project`.
    """
    text = "\n".join(lines)
    if "No space left on device" in text:
        hint = "raise spec.build.workspace.sizeLimit, or the node's storage"
        return FailureError("DiskFull", "the disk is full", hint, tail=_errors(lines))
    if "DO NOT MATCH THE HASHES" in text:
        return _hash_mismatch(lines)
    if "The conflict is caused by:" in text:
        return _conflict(lines, base)
    for line in lines:
        if match := _PYTHON.search(line):
            message = f"{match['package']} requires Python {match['want']}, and the base has {match['have']}"
            hint = "use another version of it, or another base image"
            about = [_asked_by(lines, match["package"])]
            return FailureError("RequirementConflict", message, hint, concerns=about)
        if match := _INVALID.search(line):
            hint = "write a PEP 508 requirement such as my-provider>=1.0"
            message = f"pip does not take the requirement {match['text']}"
            return FailureError("RequirementInvalid", message, hint, concerns=[name_of(match["text"].strip("'"))])
    if any(sign in text for sign in _BUILD_SIGNS):
        return _build_failed(lines)
    if match := next(filter(None, map(_NO_MATCH.search, reversed(lines))), None):
        failure = _no_match(match["requirement"], match["parent"], lines, base, project)
        asking = (match["parent"] or match["requirement"]).rpartition("->")[2]
        failure.concerns = (_asked_by(lines, name_of(asking)),)
        return failure
    return FailureError("BuildFailed", f"pip failed: {_last_error(lines)}", tail=_errors(lines))


def _hash_mismatch(lines: Sequence[str]) -> FailureError:
    start = next(number for number, line in enumerate(lines) if "DO NOT MATCH THE HASHES" in line)
    details = [line.strip() for line in lines[start + 1 :] if line.strip()]
    what = details[0].split(" from ")[0] if details else "a file"
    if match := _DIRECT.match(what):
        what = match["file"]
    hint = "somebody replaced the file on the index, or it came damaged; a fresh build locks what is there now"
    message = f"{what} is another file than its digest says"
    return FailureError("HashMismatch", message, hint, tail=details, concerns=[name_of(details[0])] if details else ())


def _conflict(lines: Sequence[str], base: Facts) -> FailureError:
    start = max(number for number, line in enumerate(lines) if "The conflict is caused by:" in line)
    block = []
    for line in lines[start + 1 :]:
        if not line.strip():
            break
        block.append(line)
    sides, about = [], list[str]()
    for line in block:
        if match := _REQUESTED.match(line):
            about += [] if match["constraint"] else [name_of(match["what"])]
            sides.append(_requested(match["what"], base) if match["constraint"] else f"{match['what']} is asked for")
        elif match := _CONFLICT.match(line):
            about.append(_asked_by(lines, name_of(match["who"])))
            sides.append(f"{match['who']} requires {match['what']}")
    hint = "use versions that go together"
    if any("the base image has" in side for side in sides):
        hint = "the base's packages stay as they are: use a version for what the base has, or another base"
    message = "; ".join(dict.fromkeys(sides)) or _last_error(lines)
    return FailureError("RequirementConflict", message, hint, tail=[line.strip() for line in block], concerns=about)


def _requested(constraint: str, base: Facts) -> str:
    name = _NAME.match(constraint)
    for item in base.distributions:
        if name and canonical(name[0]) == item.key and constraint.endswith(f"=={item.version}"):
            kind = "the release" if item.key in _STACKS else "a package"
            return f"the base image has {item.name} {item.version} ({kind} that it is made of)"
    return f"the constraint {constraint}"


def _no_match(
    requirement: str, parent: str | None, lines: Sequence[str], base: Facts, project: Project | None
) -> FailureError:
    wanted = f"{requirement} (required by {parent})" if parent else requirement
    name = (_NAME.match(requirement) or [requirement])[0]
    own = next((item for item in base.distributions if item.key == canonical(name)), None)
    if own is not None:
        message = f"{wanted} is wanted, and the base image has {own.name} {own.version}"
        return FailureError("RequirementConflict", message, "the base's packages stay as they are; use another base")
    others = next(filter(None, map(_OTHER_PYTHON.search, lines)), None)
    versions = _listed(lines)
    if others and not versions:
        message = f"no version of {wanted} is for Python {base.version}: {others[1]}"
        return FailureError("RequirementConflict", message, "use a base image with that Python")
    version = match[1] if (match := re.search(r"===?\s*([^,\s;=]+)$", requirement)) else None
    if project and (not versions or version) and project.sources(version) and not project.wheels(version):
        found = ", ".join(project.sources(version)[-3:])
        message = f"of {wanted} there are only source distributions ({found}), and only wheels are installed"
        hint = f"set {SOURCES_FIELD}: true to run its build in the image build, or use a version with wheels"
        return FailureError("SourceDistributionRefused", message, hint)
    if versions:
        message = f"{wanted} does not exist; the index has {', '.join(nearest_versions(version, versions))}"
        return FailureError("ModuleNotFound", message, "correct the version")
    if project and project.known and project.wheels(version):
        found = ", ".join(project.wheels(version)[-3:])
        message = f"no wheel of {wanted} is for this Python ({base.version}) and platform: {found}"
        return FailureError("ModuleNotFound", message, "use another base image or another version")
    what = f"{name} has no files" if project and project.known else f"there is no {name}"
    hint = "correct the name, or name the index that has it in spec.build.pip"
    return FailureError("ModuleNotFound", f"{wanted} was not found: {what} on the index", hint)


def nearest_versions(wanted: str | None, versions: Sequence[str], limit: int = 5) -> list[str]:
    """Return the versions nearest to the wanted one, the newest ones where there is none."""
    if wanted is None:
        return list(versions[-limit:])
    near = difflib.get_close_matches(wanted, versions, n=limit, cutoff=0.5)
    chosen = {*near, versions[-1]} if near else set(versions[-limit:])
    return [version for version in versions if version in chosen][-limit:]


def _listed(lines: Sequence[str]) -> list[str]:
    for line in reversed(lines):
        if (match := _VERSIONS.search(line)) and match["versions"] != "none":
            return [part.strip() for part in match["versions"].split(",")]
    return []


def _build_failed(lines: Sequence[str]) -> FailureError:
    """Name the last package that pip took up before the build ended, with what the build printed last."""
    end = next((number for number, line in enumerate(lines) if any(sign in line for sign in _BUILD_SIGNS)), 0)
    named = [match["name"] for line in lines if (match := _BUILDS.match(line))]
    taken = [match["name"] for line in lines[: end + 1] if (match := _COLLECTS.match(line))]
    name = (named or taken or ["a source distribution"])[-1]
    output = [line.strip(" |╰>─│╮╯") for line in lines[end:]]
    start = next((number + 1 for number, line in enumerate(output) if _OUTPUT.match(line)), 0)
    stop = next((number for number, line in enumerate(output) if line == "[end of output]"), len(output))
    hint = "ask its author for wheels, or use a version that has them"
    tail = [line for line in output[start:stop] if line]
    message, about = f"building {name} from source failed", [_asked_by(lines, name)]
    return FailureError("SourceBuildFailed", message, hint, tail=tail, concerns=about)


def _asked_by(lines: Iterable[str], name: str) -> str:
    """Return what asks for a package in the end, as in `Collecting a (from b->c)`; the package where nothing does."""
    for line in lines:
        match = _COLLECTED_FOR.match(line)
        if match and canonical(name_of(match["what"])) == canonical(name):
            return name_of(match["chain"].rpartition("->")[2])
    return name


def _errors(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.strip() and not line.startswith(("Collecting", "  Downloading", "Require"))]


def _last_error(lines: Sequence[str]) -> str:
    errors = [line for line in lines if line.startswith("ERROR")]
    rest = [line for line in lines if line.strip()]
    return (errors or rest or ["it printed nothing"])[-1].removeprefix("ERROR: ")
