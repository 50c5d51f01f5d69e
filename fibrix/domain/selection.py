"""Which events someone wants, and which of them they may see: one grammar for the stream, the pages and webhooks."""

import re
from typing import Final, Protocol

import msgspec

from fibrix.domain.access import Caller, Role
from fibrix.errors import InvalidError
from fibrix.types import TenantId

PREFIX: Final = "fibrix."
"""What every event's CloudEvents type begins with; it may be left out wherever a type is asked for."""

_WORDS: Final = 50
_TYPE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\.?")
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{0,200}")


class Selectable(Protocol):
    """What a selection looks at."""

    @property
    def type(self) -> str:
        """Its type without the prefix: `machine.deployed`."""
        ...

    @property
    def subject(self) -> str:
        """What it is about, as an API path below `/api/v1/`."""
        ...

    @property
    def tenant(self) -> TenantId:
        """Whose thing it is about; empty: the region's."""
        ...


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all must be so for an event to be chosen; what is empty asks for nothing."""

    types: tuple[str, ...] = ()  # each exact (`machine.deployed`), or a prefix that ends in a dot (`machine.`)
    subject: str = ""  # exact, or a prefix that ends in a slash (`machines/`)
    machine: str = ""  # the id of the machine that it is about
    tenant: str = ""  # the id of the tenant that it is about
    owner: TenantId | None = None  # who looks: this tenant sees its own events only. None: sees all

    @classmethod
    def of(cls, types: str = "", subject: str = "", machine: str = "", tenant: str = "") -> "Selection":
        """Read what a query or a subscription says: types with commas, `fibrix.machine.*` and `machine.` alike.

        Raises InvalidError that points to the field that cannot be.
        """
        words = [word.strip() for word in types.split(",")]
        if len(words) > _WORDS:
            raise InvalidError(f"type: at most {_WORDS} types, there are {len(words)}", pointer="/type")
        wanted = tuple(_type(word) for word in words if word)
        if not _SUBJECT.fullmatch(subject):
            raise InvalidError(
                "subject: write an API path as `machines/m0123456789`, or its beginning up to a slash",
                pointer="/subject",
            )
        return cls(
            types=() if "" in wanted else tuple(dict.fromkeys(wanted)),
            subject=subject.removeprefix("/api/v1/").lstrip("/"),
            machine=machine,
            tenant=tenant,
        )

    def seen_by(self, caller: Caller) -> "Selection":
        """The same as far as a caller may see events: a tenant's users are told of their own tenant's only."""
        return msgspec.structs.replace(self, owner=caller.tenant if caller.role is Role.TENANT else None)

    @property
    def about(self) -> str:
        """The only subject that fits; empty where there is more than one."""
        if self.machine:
            return f"machines/{self.machine}"
        return "" if self.subject.endswith("/") else self.subject

    @property
    def everything(self) -> bool:
        """Whether every event fits."""
        return not (self.types or self.subject or self.machine or self.tenant) and self.owner is None

    def fits(self, event: Selectable) -> bool:
        """Tell whether an event is chosen."""
        if self.owner is not None and event.tenant != self.owner:
            return False
        if self.tenant and event.tenant != self.tenant:
            return False
        if self.machine and event.subject != f"machines/{self.machine}":
            return False
        return self._fits_subject(event.subject) and self._fits_type(event.type)

    def _fits_subject(self, subject: str) -> bool:
        if self.subject.endswith("/"):
            return subject.startswith(self.subject)
        return not self.subject or subject == self.subject

    def _fits_type(self, kind: str) -> bool:
        if not self.types:
            return True
        return any(kind == word or (word[-1] == "." and kind.startswith(word)) for word in self.types)


def _type(word: str) -> str:
    """Read one type or prefix; empty: all types. Raises InvalidError."""
    plain = word.removeprefix(PREFIX).removesuffix("*")
    if plain and not _TYPE.fullmatch(plain):
        raise InvalidError(
            f"type: {word[:60]!r} is none: write `machine.deployed`, or `machine.*` for all that begin so",
            pointer="/type",
        )
    if word.endswith("*") and plain and not plain.endswith("."):
        raise InvalidError(f"type: {word[:60]!r}: the star stands behind a dot, as in `machine.*`", pointer="/type")
    return plain
