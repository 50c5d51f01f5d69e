"""Checks of power settings before they are stored: an operator is told at once, not by a failing BMC."""

from ipaddress import AddressValueError, IPv4Address

from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.errors import InvalidError

_IPMI_PASSWORD_OCTETS = 20  # IPMI 2.0 §22.30; 16 for 1.5, which only the BMC can tell


def check_power(power: PowerSettings, password: str) -> None:
    """Refuse settings that cannot work. Raises InvalidError."""
    if power.kind is PowerKind.IPMI and not power.address:
        raise InvalidError("ipmi needs the address of the BMC", pointer="/power/address")
    if power.address:
        _check_address(power.address)
    if not 0 < power.port < 2**16:
        raise InvalidError(f"{power.port} is not a UDP port", pointer="/power/port")
    if power.kind is PowerKind.IPMI and len(password.encode()) > _IPMI_PASSWORD_OCTETS:
        raise InvalidError("an IPMI password has at most 20 octets", pointer="/power_password")
    if power.kind is PowerKind.IPMI and len(power.username.encode()) > 16:  # noqa: PLR2004 - IPMI 2.0 §22.28
        raise InvalidError("an IPMI user name has at most 16 octets", pointer="/power/username")


def _check_address(text: str) -> None:
    try:
        address = IPv4Address(text)
    except AddressValueError as exc:
        raise InvalidError(f"{text!r} is not an IPv4 address", pointer="/power/address") from exc
    if address.is_unspecified or address.is_multicast:
        raise InvalidError(f"{text} cannot be a BMC's address", pointer="/power/address")
