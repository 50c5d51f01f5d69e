"""SSH public keys: what may go into a machine's authorized_keys."""

import base64
import binascii
import hashlib
import re
from typing import Final

from fibrix.errors import InvalidError

TYPES: Final = frozenset(
    {
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ecdsa-sha2-nistp256@openssh.com",
        "ssh-rsa",
    }
)
"""Types that a current OpenSSH server accepts."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_MAX_BYTES: Final = 16_384


def check_name(name: str) -> str:
    """Give back a name that a key may have: it stands in URLs. Raises InvalidError."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a key's name: letters, digits, dot, dash, underscore and @, at most 63",
            pointer="/name",
        )
    return name


def check_line(line: str) -> tuple[str, str]:
    """Check one authorized_keys line without options; give it cleaned, and its fingerprint. Raises InvalidError."""
    kind, encoded, comment = (*line.strip().split(None, 2), "", "", "")[:3]
    if len(line) > _MAX_BYTES or any(not char.isprintable() for char in line.strip()):
        raise _invalid("it must be one printable line: paste the content of a .pub file")
    if kind not in TYPES:
        raise _invalid(f"it must start with one of {', '.join(sorted(TYPES))}: paste the content of a .pub file")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _invalid(f"the part after {kind} is not base64 ({exc}): was it cut while copying?") from exc
    if _fields(blob)[:1] != [kind.encode()]:
        raise _invalid(f"the part after {kind} is not a key of that type: was it cut while copying?")
    return " ".join(part for part in (kind, encoded, comment.strip()) if part), fingerprint(blob)


def fingerprint(blob: bytes) -> str:
    """Name a key as ssh-keygen does: SHA-256 in base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _fields(blob: bytes) -> list[bytes]:
    """Split a key into its strings: 4 octets of length, then as many octets (RFC 4251 §5). Cut off: none."""
    fields, at = [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4])
        at += 4 + size
        fields.append(blob[at - size : at])
    return fields if at == len(blob) and len(fields) > 1 else []


def _invalid(why: str) -> InvalidError:
    return InvalidError(f"not an SSH public key: {why}", pointer="/key")
