"""JSON of values that JSON and msgspec have no type for: IPv4 addresses and networks, as text."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_TEXT: Final = (IPv4Address, IPv4Network)


def encode(value: Any) -> str:
    """Write a value."""
    return _ENCODER.encode(value).decode()


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Make what reads values of a type."""
    return msgspec.json.Decoder(kind, dec_hook=_read)


def _write(value: object) -> str:
    if isinstance(value, _TEXT):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def _read(kind: type, raw: object) -> object:
    """Read one of them. ValueError becomes msgspec's ValidationError."""
    if kind not in _TEXT or not isinstance(raw, str):
        raise TypeError(f"a {kind.__name__} cannot be kept")
    made: object = kind(raw)
    return made


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_write)
