"""What is read of a ConfigMap that a stack refers to, and the little of it that is kept.

Its content can be 1 MiB, four times that as Python's text, and one spec can name hundreds. So digests are kept, of
what stacks use, and texts are read where they are needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from llamastack_operator.objects.child import digest

TEXT_LIMIT = 900_000
"""Most bytes of texts in a ConfigMap that the operator makes: the API server takes 1 MiB in all."""
WHOLE = None
"""Stands for all of a ConfigMap where a key could be named."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a key of a ConfigMap, or of the whole.

    Attributes:
        digest: changes when the part does.
        is_text: whether it is in `data`.
        size: the bytes of its texts.
    """

    digest: str
    is_text: bool
    size: int


@dataclass(frozen=True, slots=True)
class ConfigMapContent:
    """The content of a ConfigMap, as of a resourceVersion."""

    version: int
    data: Mapping[str, str]
    binary: Mapping[str, str]

    def texts(self, keys: Collection[str | None]) -> dict[str, str]:
        """Return the texts under keys, or all of them where the whole is among the keys."""
        if WHOLE in keys:
            return dict(self.data)
        return {key: text for key, text in self.data.items() if key in keys}

    def digests(self, keys: Iterable[str | None]) -> ConfigMapDigests:
        """Return what is kept of it for those who use these keys."""
        texts = (*self.data.items(), *self.binary.items())
        size = sum(text_size(key) + text_size(text) for key, text in texts)
        return ConfigMapDigests(self.version, size, {key: self._part(key) for key in keys})

    def _part(self, key: str | None) -> Part | None:
        if key is WHOLE:
            return Part(digest([dict(self.data), dict(self.binary)]), False, sum(map(text_size, self.data.values())))
        if key in self.data or key in self.binary:
            text = self.data.get(key)
            return Part(digest([text, self.binary.get(key)]), text is not None, text_size(text or ""))
        return None


@dataclass(frozen=True, slots=True)
class ConfigMapDigests:
    """What is kept of a ConfigMap, as of a resourceVersion.

    Attributes:
        version: the resourceVersion.
        size: the bytes of all that it holds.
        parts: the parts that stacks use, None for one that is not there.
    """

    version: int
    size: int
    parts: Mapping[str | None, Part | None]

    def part(self, key: str | None) -> Part | None:
        """Return what is known of a key or of the whole; None for a key that is not there."""
        return self.parts[key]


def text_size(text: str) -> int:
    """Return the bytes that a text takes in an object of the API."""
    return len(text.encode(errors="surrogatepass"))
