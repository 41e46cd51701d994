"""What the operator's own installation decides for all stacks."""

from __future__ import annotations

from dataclasses import dataclass, field

from llamastack_operator.workloads.runtime import StartProgram

# What a release without an image is installed on, in the cluster and in a Containerfile alike.
PYTHON_BASE = "docker.io/library/python:3.13-slim"


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How images are built; what tenants cannot choose.

    Attributes:
        operator: the operator's own image, whose programs builds run; without it nothing can be built.
        python: the image on which a release without an image is installed.
        index: the package index where a stack names none; pip's own default where empty.
        named_indexes: addresses of the index names in releases' requirements, for example `pytorch-cpu`.
        mirrors: for registry names, the address that builds read from instead.
        addresses: for registry names, the address of their server, where that is not the name itself.
        insecure: registries, as host or host:port, that are spoken to without TLS.
        proxies: environment variables for builds, such as HTTPS_PROXY and NO_PROXY.
        parallel: most builds that run side by side.
        parallel_in_namespace: most of them that are of one namespace.
        default_timeout: seconds that one try may take where a stack does not say.
        longest_timeout: seconds that one try may take at most, whatever a stack says.
    """

    operator: str = ""
    python: str = PYTHON_BASE
    index: str = ""
    named_indexes: tuple[tuple[str, str], ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    insecure: tuple[str, ...] = ()
    proxies: tuple[tuple[str, str], ...] = ()
    parallel: int = 4
    parallel_in_namespace: int = 2
    default_timeout: int = 1800
    longest_timeout: int = 3600

    def timeout(self, asked: int | None) -> int:
        """Return the seconds that one try may take, by what a stack asks for."""
        return min(asked or self.default_timeout, self.longest_timeout)


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """Defaults for all stacks of this operator.

    Attributes:
        run_as: the user, group and fsGroup of the pods; None lets the platform choose, as OpenShift does.
        progress_deadline: seconds after which a rollout counts as failed.
        images: how images are built.
        program: the program of this operator that checks and runs servers; without it pods are as they were before.
    """

    run_as: int | None = 1001
    progress_deadline: int = 600
    images: ImageSettings = field(default_factory=ImageSettings)
    program: StartProgram | None = None
