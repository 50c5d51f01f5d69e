"""Where webhooks may be delivered to: URLs that can be, and addresses that are nobody's inside."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

from fibrix.errors import InvalidError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_URL_CHARACTERS: Final = 2048
_VISIBLE: Final = re.compile(r"[!-\[\]-~]+")  # ASCII without space and backslash, which parsers read in different ways
_HOST: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]+")
_NOT_PUBLIC: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "::/96",  # an IPv4 address in an IPv6 one: of old (RFC 4291 §2.5.5.1),
        "::ffff:0:0/96",  # mapped (RFC 4291 §2.5.5.2),
        "64:ff9b::/96",  # for NAT64 (RFC 6052 §2.1),
        "64:ff9b:1::/48",  # for NAT64 at home (RFC 8215),
        "2001::/32",  # for Teredo (RFC 4380),
        "2002::/16",  # for 6to4 (RFC 3056)
        "3fff::/20",  # documentation, RFC 9637
        "5f00::/16",  # segment routing, RFC 9602
        "fec0::/10",  # site-local, RFC 3879
    )
)
"""What Python's `is_global` leaves to be refused."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be delivered to: those of the public internet, and those that the operator allows."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> Self:
        """Read the configuration's networks."""
        return cls(tuple(ip_network(text) for text in networks))

    def permits(self, address: str, *, plain: bool) -> bool:
        """Tell whether an address may be connected to; `plain`: without TLS, which takes an allowed network.

        An IPv6 address with an IPv4 one in it is refused whatever is in it, unless it is itself in an allowed network.
        """
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if any(found in network for network in self.allowed if network.version == found.version):
            return True
        return not plain and _is_public(found)


def _is_public(address: Address) -> bool:
    """Tell whether an address is one host's on the public internet."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def check_url(url: str, reach: Reach) -> str:
    """Give back a URL that can be delivered to, as far as it can be told without resolving it. Raises InvalidError."""
    if len(url) > _URL_CHARACTERS or not _VISIBLE.fullmatch(url):
        raise _invalid(f"write it in at most {_URL_CHARACTERS} visible ASCII characters, others as %XX")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise _invalid(f"it cannot be read: {exc}") from exc
    if fault := _fault(parts, port):
        raise _invalid(fault)
    plain, host = parts.scheme == "http", parts.hostname or ""
    if plain and not reach.allowed:
        raise _invalid("events are sent by https only")
    if literal_of(host) and not reach.permits(host, plain=plain):
        raise _invalid(f"this controller does not deliver to {host}" + (" without TLS" if plain else ""))
    return url


def _fault(parts: SplitResult, port: int | None) -> str:
    """Say what a URL has or lacks; empty: nothing."""
    if parts.scheme not in {"https", "http"}:
        return "it must begin with https://"
    if "@" in parts.netloc:
        return "it must have no user name or password: what is secret belongs into the path"
    if parts.fragment:
        return "it must have no part behind a #"
    if not _HOST.fullmatch(parts.hostname or ""):
        return "it must name a host"
    return "port 0 cannot be" if port == 0 else ""


def literal_of(host: str) -> str:
    """Give a URL's host back where it is an address; empty where it is a name."""
    try:
        ip_address(host)
    except ValueError:
        return ""
    return host


def _invalid(why: str) -> InvalidError:
    return InvalidError(f"not a URL that events can be sent to: {why}", pointer="/url")
