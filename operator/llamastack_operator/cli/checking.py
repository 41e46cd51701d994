"""Checks every document of the files that a command was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llamastack_operator.cli.files import read_files
from llamastack_operator.planning.reading.check import Checked, check_document
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.findings import Findings
from llamastack_resolver.releases import Release


@dataclass(frozen=True)
class Report:
    """What became of the files that a command was given.

    Attributes:
        documents: the documents that were looked at, and what else there is something to say about.
        objects: kinds of the Kubernetes objects that were passed over, and how many there are of each.
        files: how many other files of directories were passed over.
    """

    documents: tuple[Checked, ...]
    objects: Mapping[str, int]
    files: int

    @property
    def count(self) -> int:
        """How many documents were checked: a report about none says nothing of them."""
        return sum(not one.document.passed_over for one in self.documents)

    @property
    def has_errors(self) -> bool:
        """Whether something is wrong."""
        return any(Findings(one.findings).has_errors for one in self.documents)

    @property
    def passed_over(self) -> list[str]:
        """What was passed over, in words."""
        words = []
        if objects := sum(self.objects.values()):
            kinds = ", ".join(sorted(self.objects))
            words.append(f"{objects} Kubernetes object{'' if objects == 1 else 's'} passed over ({kinds})")
        if self.files:
            words.append(f"{self.files} other file{'' if self.files == 1 else 's'} passed over")
        return words


def check_files(names: Iterable[str], override: Release | None) -> Report:
    """Check every document of the files; Kubernetes objects that are none of ours are counted, and so are the files of
    directories with nothing of ours in them."""
    files = read_files(names)
    inputs = [one for one in read_inputs(files.read) if one.recognised or one.file not in files.found]
    objects = Counter(one.object_kind for one in inputs if one.passed_over and one.object_kind)
    checked = [check_document(one, override, read_files=True) for one in inputs if one.to_be_checked]
    with_something = {one.file for one in inputs}
    return Report(tuple(checked), objects, files.not_read + len(files.found - with_something))
