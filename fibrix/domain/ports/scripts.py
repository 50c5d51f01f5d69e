"""The machine scripts, as the region sees them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class ScriptInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a machine script before it runs."""

    name: str
    title: str
    kind: str  # "inventory", "test", "deploy", "release"
    timeout_s: int
    destructive: bool
    default: bool  # runs in its state without being named
    sha256: str


class Scripts(Protocol):
    """The catalogue of machine scripts: those of Fibrix and the operator's own."""

    def info(self, name: str) -> ScriptInfo:
        """Describe one. Raises NotFoundError."""
        ...

    def defaults(self, kind: str) -> tuple[str, ...]:
        """Name those of a kind that run without being named, in the order in which they run."""
        ...

    def parameters(self, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """Fill in the defaults. Raises InvalidError for an unknown parameter or a value that does not fit."""
        ...

    def text(self, name: str) -> bytes:
        """Give the executable itself. Raises NotFoundError."""
        ...


class ScriptList(Protocol):
    """The same catalogue, as the API shows it."""

    def all(self) -> Sequence[ScriptInfo]:
        """Describe all of them, by name."""
        ...
