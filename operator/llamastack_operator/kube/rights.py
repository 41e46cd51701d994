"""What the operator may do with the API, each right with its reason: the table that the chart's roles are held to.

A right that nobody can give a reason for is one too many. Tests compare the chart's roles with this table, and the
table with what the API server's audit log says that the operator asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.objects.resources import (
    CHILDREN,
    CONFIGMAPS,
    EVENTS,
    JOBS,
    LLAMASTACKBUILDS,
    LLAMASTACKS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    SECRETS,
    Resource,
)


@dataclass(frozen=True, slots=True)
class Right:
    """Some verbs on a resource.

    Attributes:
        resource: the kind.
        verbs: what may be done with its objects.
        why: what the operator needs them for.
        used_by: the modules that need them, below `llamastack_operator`.
        subresource: the part of an object that the right is about, empty for the object itself.
        requested: whether the operator sends such requests; else the API server asks for the right while it admits
            another request.
    """

    resource: Resource
    verbs: tuple[str, ...]
    why: str
    used_by: tuple[str, ...]
    subresource: str = ""
    requested: bool = True

    @property
    def uses(self) -> frozenset[Use]:
        """The single rights."""
        name = "/".join(filter(None, (self.resource.plural, self.subresource)))
        return frozenset((self.resource.group, name, verb) for verb in self.verbs)


type Use = tuple[str, str, str]
"""API group, resource as roles name it (for example `pods/log`), and verb."""

_FOLLOW = ("list", "watch")
_STACK, _BUILD = "controller.stack.reconcile", "controller.build.reconcile"
_PREFLIGHT = "controller.stack.preflights"


def _child(resource: Resource) -> tuple[Right, ...]:
    """Return the rights on a kind that stacks are made of."""
    return (
        Right(resource, _FOLLOW, "to see what of a stack is there, and who changed it", ("controller.operator",)),
        Right(resource, ("get",), "to learn whose object has a name that is needed", ("kube.apply",)),
        Right(resource, ("create", "patch"), "to apply what a stack consists of", ("kube.apply",)),
        Right(resource, ("delete",), "to remove what a stack has no more", ("kube.apply",)),
    )


def _owner(resource: Resource, maker: str) -> Right:
    why = "to set blockOwnerDeletion on what it owns, where OwnerReferencesPermissionEnforcement is on"
    return Right(resource, ("update",), why, (maker,), "finalizers", requested=False)


RIGHTS: tuple[Right, ...] = (
    Right(LLAMASTACKS, _FOLLOW, "to learn what is wanted", ("controller.handlers", "controller.operator")),
    Right(LLAMASTACKS, ("get",), "to see that a stack is still there, before more is made for it", (_STACK,)),
    Right(LLAMASTACKS, ("patch",), "to write how a stack stands", (_STACK,), "status"),
    _owner(LLAMASTACKS, "workloads.desired"),
    Right(LLAMASTACKBUILDS, _FOLLOW, "to follow builds", ("controller.build.wiring", "controller.operator")),
    Right(
        LLAMASTACKBUILDS, ("get",), "to read a lock, or what has a name that is needed", (_BUILD, "kube.build_keeper")
    ),
    Right(
        LLAMASTACKBUILDS, ("create", "patch", "delete"), "to make builds and keep their owners", ("kube.build_keeper",)
    ),
    Right(LLAMASTACKBUILDS, ("patch",), "to write how a build stands", (_BUILD,), "status"),
    _owner(LLAMASTACKBUILDS, "workloads.build_job"),
    *(right for resource in CHILDREN for right in _child(resource)),
    Right(CONFIGMAPS, _FOLLOW, "to learn that one that a stack refers to has changed", ("controller.operator",)),
    Right(CONFIGMAPS, ("get",), "to read what a stack refers to", ("kube.referents",)),
    Right(CONFIGMAPS, ("create",), "to hand a build its inputs", ("kube.build_objects",)),
    Right(
        PERSISTENTVOLUMECLAIMS, ("get",), "to read the access modes of a claim that a stack names", ("kube.referents",)
    ),
    Right(
        JOBS, _FOLLOW, "to see how the tries of a build stand, and preflights", ("controller.build.wiring", _PREFLIGHT)
    ),
    Right(JOBS, ("get",), "to learn what has a name that is needed", ("kube.build_objects", "kube.preflight_keeper")),
    Right(
        JOBS,
        ("create",),
        "to start a try of a build, or a preflight",
        ("kube.build_objects", "kube.preflight_keeper"),
    ),
    Right(JOBS, ("delete",), "to stop it", (_BUILD, "kube.preflight_keeper")),
    Right(
        PODS,
        _FOLLOW,
        "to say why a server or a build does not run, and what a preflight found",
        ("controller.operator", "controller.build.wiring", _PREFLIGHT),
    ),
    Right(PODS, ("get",), "to read how far a build is, and its record, from its own pod alone", (_BUILD,), "log"),
    Right(
        SECRETS, ("get",), "to see by name that one and its keys exist: there is no narrower right", ("kube.referents",)
    ),
    Right(EVENTS, ("create",), "to tell what changed", ("kube.events",)),
    Right(EVENTS, ("list",), "to say why a build has no pod, which its Job does not tell", ("kube.refusals",)),
)


def granted() -> frozenset[Use]:
    """Return what a role of the operator grants."""
    return frozenset(use for right in RIGHTS for use in right.uses)


def requested() -> frozenset[Use]:
    """Return what of it the operator's own requests are about."""
    return frozenset(use for right in RIGHTS if right.requested for use in right.uses)
