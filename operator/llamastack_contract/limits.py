"""How much the parties can hand to each other: one limit each, for who writes and for who reads.

A record goes through a container's log into the status of a LlamaStackBuild, and its lock from there into a ConfigMap,
where pods that install at their start have two of them. etcd takes objects of 1.5 MiB, a ConfigMap holds 1 MiB. What
exceeds a limit fails with `LimitExceeded` where it is noticed first; nothing is left out without a word.
"""

from __future__ import annotations

RECORD_BYTES = 2_000_000
"""Most bytes of a record."""
LOG_BYTES = 4_000_000
"""Most bytes of a log that are read for a record: one that does not compress takes 2.8 million, after other lines."""
LOCK_FILES = 1000
"""Most files of a lock."""
LOCK_BYTES = 400_000
"""Most bytes of a lock, its entries as a LlamaStackBuild holds them."""
PACKAGES = 4096
"""Most distributions that a layer has installed, and that its base has; they are told in the log alone."""
MODULES = 256
"""Most provider modules of a layer."""
MODULES_BYTES = 250_000
"""Most bytes of what is said of the modules, providers included."""
PROVIDERS = 64
"""Most providers of one module."""

MESSAGE_BYTES = 2048
"""Most bytes of a termination message: Kubernetes keeps 4096 of a container's and 12 KiB of a pod's together."""
MESSAGE_CHARACTERS = 512
"""Most characters of what is wrong: as many as a condition shows."""
HINT_CHARACTERS = 300
"""Most characters of what to do."""
TAIL_LINES = 12
"""Most lines of what failed."""
TAIL_CHARACTERS = 240
"""Most characters of one of them."""
CONCERNED = 8
"""Most names of modules and requirements that a failure is about."""
