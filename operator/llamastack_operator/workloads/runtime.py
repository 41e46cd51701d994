"""What the pods of a stack run: an image as it is, or one on which they install at their start."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.api.base import KeyReference
from llamastack_operator.api.build import BuildSettings
from llamastack_resolver.releases import Release


@dataclass(frozen=True, slots=True)
class StartInstall:
    """What pods install at their start (strategy Start).

    Attributes:
        lock: the ConfigMap with build.json and its locks.
        packages: the folders of site-packages, the later layer first.
        programs: the folders of console scripts that must be found before the image's own.
        settings: the stack's build settings: index, credentials, CA bundle, resources.
        operator: the operator's image whose programs download and install: an upgrade alone restarts no pod.
        digest: of the build.json in it, which pods compare; None for a build of before digests were kept, whose pods
            stay as they are.
    """

    lock: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    settings: BuildSettings
    operator: str
    digest: str | None = None

    @property
    def ca_bundle(self) -> KeyReference | None:
        """The certificates that the index is trusted by."""
        return self.settings.ca_bundle_ref


@dataclass(frozen=True, slots=True)
class StartProgram:
    """The program that checks and runs servers, as a ConfigMap of their namespace holds it.

    Attributes:
        sha256: of its file, in hexadecimal digits.
    """

    sha256: str

    @property
    def config_map(self) -> str:
        """The name of the ConfigMap, the same in every namespace."""
        return f"{PROGRAM_PREFIX}{self.sha256[:16]}"


PROGRAM_PREFIX = "llamastack-start-"
"""What the names of all ConfigMaps begin with that hold such a program."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the pods of a stack run.

    Attributes:
        image: the image, by digest where the operator built it.
        release: the release in it, where that is known.
        architecture: the only architecture that the image is for, or None for whatever the image offers.
        install: what is installed at start, or None.
        pull_secret: a further Secret to pull with, or None.
        program: the program that checks and runs the server; None as in pods of before there was one.
    """

    image: str
    release: Release | None = None
    architecture: str | None = None
    install: StartInstall | None = None
    pull_secret: str | None = None
    program: StartProgram | None = None
