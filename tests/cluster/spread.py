"""Folders in which many files come and go, as those of pods and of image stores do."""

import contextlib
import subprocess
from pathlib import Path


def make_spread(folder: Path) -> None:
    """Make a folder whose own folders ext4 spreads over the disk, as it does with those at the top (`chattr +T`).

    Else each lies beside its parent. ext4 does not use an inode again for some minutes and looks for another one by
    one, so that where thousands of files were just removed it takes some twenty times as long to create new ones.
    Other file systems know no such hint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # no e2fsprogs, no ext4
        subprocess.run(["chattr", "+T", str(folder)], capture_output=True, check=False)
