"""What the machine remembers about its nodes: one folder each, so that any process can find, enter and remove them."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from tests.cluster.cache import locked

ROOT = Path("/var/lib/llamastack-testbed")
_FILE = "node.json"


def _started(pid: int) -> str | None:
    """Start time of a process, which tells it from a later one with the same id; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


@dataclass(frozen=True, slots=True)
class Record:
    """One node of this machine.

    Attributes:
        name: name of the node and of its folder.
        slot: number that picks its addresses.
        images: the cached registry storage it shows.
        pid: the process that holds its namespaces; 0 before the start.
        started: start time of that process.
    """

    name: str
    slot: int
    images: str
    pid: int = 0
    started: str = ""

    @property
    def folder(self) -> Path:
        """State of the node."""
        return ROOT / self.name

    @property
    def alive(self) -> bool:
        """Say whether the process that holds the node's namespaces still runs."""
        return bool(self.pid) and _started(self.pid) == self.started

    def with_process(self, pid: int) -> "Record":
        """Return the record of the started node."""
        return replace(self, pid=pid, started=_started(pid) or "")

    def first_process(self) -> int:
        """Id, as the machine counts, of the first process inside the node; 0 when there is none."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:
            return 0
        return int(children[0]) if children else 0

    def save(self) -> None:
        """Write the record into the node's folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f"{_FILE}.{os.getpid()}"
        draft.write_text(json.dumps(asdict(self)))
        draft.rename(self.folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the record of a node's folder."""
        return cls(**json.loads((folder / _FILE).read_text()))


def records() -> Iterator[Record]:
    """Every node that this machine knows, running or not."""
    for file in sorted(ROOT.glob(f"*/{_FILE}")):
        yield Record.load(file.parent)


def reserve(name: str, images: Path, slots: int) -> Record:
    """Take the lowest free slot for a new node and save its record."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with locked(ROOT / "lock"):
        taken = {record.slot for record in records()}
        record = Record(name, next(slot for slot in range(slots) if slot not in taken), str(images))
        record.save()
    return record
