"""What the machine remembers about its nodes: one folder each, so that any process can find, enter and remove them."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from tests.cluster.errors import ClusterError
from tests.support.cache import locked

ROOT = Path("/var/lib/llamastack-testbed")
_FILE = "node.json"


def _identity(pid: int) -> tuple[int, str]:
    """Id and start time of a process, which tell it from a later one with the same id; no time when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return pid, ""
    return pid, "" if fields[0] == "Z" else fields[19]


@dataclass(frozen=True, slots=True)
class Record:
    """One node of this machine.

    Attributes:
        name: name of the node and of its folder.
        slot: number that picks its addresses.
        images: the cached registry storage it shows.
        owner: the process that prepares the node, as id and start time.
        holder: the process that holds its namespaces, as id and start time; None before the start.
    """

    name: str
    slot: int
    images: str
    owner: tuple[int, str]
    holder: tuple[int, str] | None = None

    @property
    def folder(self) -> Path:
        """State of the node."""
        return ROOT / self.name

    @property
    def pid(self) -> int:
        """Id of the process that holds the node's namespaces; 0 when there is none."""
        return self.holder[0] if self.holder else 0

    @property
    def alive(self) -> bool:
        """Say whether the process that holds the node's namespaces still runs."""
        return self.holder is not None and _identity(self.holder[0]) == self.holder

    @property
    def abandoned(self) -> bool:
        """Say whether nobody runs the node nor is about to start it."""
        responsible = self.holder or self.owner
        return _identity(responsible[0]) != responsible

    def with_process(self, pid: int) -> "Record":
        """Return the record of the started node."""
        return replace(self, holder=_identity(pid))

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
        document = json.loads((folder / _FILE).read_text())
        owner, holder = document.pop("owner"), document.pop("holder")
        return cls(**document, owner=(owner[0], owner[1]), holder=(holder[0], holder[1]) if holder else None)


def records() -> Iterator[Record]:
    """Every node that this machine knows, running or not."""
    for file in sorted(ROOT.glob(f"*/{_FILE}")):
        yield Record.load(file.parent)


def reserve(name: str, images: Path, slots: int) -> Record:
    """Take the name and the lowest free slot for a new node and save its record.

    Raises:
        ClusterError: the name or every slot is taken.
    """
    ROOT.mkdir(parents=True, exist_ok=True)
    with locked(ROOT / "lock"):
        if (ROOT / name).exists():
            raise ClusterError(
                f"the node {name} is up already; stop it with: python -m tests.cluster down --name {name}"
            )
        taken = {record.slot for record in records()}
        slot = next((slot for slot in range(slots) if slot not in taken), None)
        if slot is None:
            raise ClusterError(f"this machine has {slots} nodes already; see: python -m tests.cluster status")
        record = Record(name, slot, str(images), _identity(os.getpid()))
        record.save()
    return record
