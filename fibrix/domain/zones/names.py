"""Domain names as text: in lower case, without the final dot (RFC 1035 §2.3.1, with `_` and `/` as they are in use)."""

import re
from collections.abc import Container, Iterator
from typing import Final

from fibrix.domain.dns import LONGEST_LABEL, LONGEST_NAME
from fibrix.errors import InvalidError

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_/-]*[a-z0-9_])?")
APEX: Final = "@"
"""Stands for the name of the zone itself, as in a zone file (RFC 1035 §5.1)."""
REVERSE: Final = "in-addr.arpa"
"""Where names of IPv4 addresses are (RFC 1035 §3.5)."""
REVERSE6: Final = "ip6.arpa"
"""Where names of IPv6 addresses are (RFC 3596 §2.5)."""


def check_name(text: str, *, pointer: str, wildcard: bool = False) -> str:
    """Read a whole name, with or without its final dot. Raises InvalidError that says what is wrong with it."""
    name = text.lower().removesuffix(".")
    if len(name) > LONGEST_NAME:
        raise InvalidError(f"the name has {len(name)} characters: {LONGEST_NAME} is the most", pointer=pointer)
    labels = name.split(".")
    for label in labels[1:] if wildcard and labels[0] == "*" and len(labels) > 1 else labels:
        if len(label) > LONGEST_LABEL:
            raise InvalidError(
                f"{label[:20]!r}… has {len(label)} characters: a label has {LONGEST_LABEL} at most", pointer=pointer
            )
        if not _LABEL.fullmatch(label):
            raise InvalidError(
                f"{text!r} is no domain name: labels with dots between them, each of a-z, 0-9, - and _, no - at its"
                " ends",
                pointer=pointer,
            )
    return name


def whole(text: str, zone: str) -> str:
    """Complete an owner's name: `@` is the zone, what ends in its name or in a dot is whole, all else is below it."""
    name = text.strip().lower()
    if name in {"", APEX}:
        return zone
    if name.endswith("."):
        return name[:-1]
    return name if within(name, zone) else f"{name}.{zone}"


def target(text: str, zone: str, *, pointer: str) -> str:
    """Complete a name in a record's data: `@` is the zone, a single label is in it, all else is whole.

    Raises InvalidError.
    """
    name = text.strip().lower()
    if name == APEX:
        return zone
    return check_name(name if "." in name else f"{name}.{zone}", pointer=pointer)


def within(name: str, zone: str) -> bool:
    """Whether a name is the zone's own or below it."""
    return name == zone or name.endswith(f".{zone}")


def above(name: str) -> Iterator[str]:
    """The name itself, then each one above it, up to the last label."""
    while name:
        yield name
        name = name.partition(".")[2]


def zone_of(name: str, zones: Container[str]) -> str | None:
    """Find the zone that a name is in: the longest one."""
    return next((one for one in above(name) if one in zones), None)


def is_reverse(zone: str) -> bool:
    """Whether a zone names addresses."""
    return within(zone, REVERSE) or within(zone, REVERSE6)
