"""Passwords: what may be one."""

import unicodedata
from typing import Final

from fibrix.errors import InvalidError

LEAST: Final = 10
MOST: Final = 1024
"""Characters. Length is what helps; rules about kinds of characters do not (NIST SP 800-63B §5.1.1.2)."""


def check_password(password: str, name: str, *, pointer: str = "/password") -> str:
    """Give back a new password of a user's as it is to be hashed. Raises InvalidError."""
    if not LEAST <= len(password) <= MOST:
        raise InvalidError(f"a password has {LEAST} to {MOST} characters, this one {len(password)}", pointer=pointer)
    if password.casefold() == name.casefold():
        raise InvalidError("a password must not be the user's name", pointer=pointer)
    return normal(password)


def normal(password: str) -> str:
    """Write a password in the one way that all keyboards' ways of typing it come to (RFC 8265 §4.2.2: NFC)."""
    return unicodedata.normalize("NFC", password)
