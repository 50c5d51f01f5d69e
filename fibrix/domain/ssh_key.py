"""SSH public keys: what may go into a machine's authorized_keys."""

import base64
import binascii
import hashlib
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from fibrix.errors import Fault, InvalidError

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
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._@-]+")
_NAME_CHARACTERS: Final = 56  # leaves room for a number behind it
_MAX_BYTES: Final = 16_384
_MOST_FAULTS: Final = 50
_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Line:
    """A key that a file has."""

    key: str  # an authorized_keys line, cleaned
    fingerprint: str
    wished: str  # the name that its comment gives, or that is made from the key where it has none


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
    if kind not in TYPES and TYPES & set(line.split()):
        raise _invalid("options before the key are not taken: give the key alone")
    if kind not in TYPES:
        raise _invalid(f"it must start with one of {', '.join(sorted(TYPES))}: paste the content of a .pub file")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _invalid(f"the part after {kind} is not base64 ({exc}): was it cut while copying?") from exc
    fields = _fields(blob)
    if fields[:1] != [kind.encode()]:
        raise _invalid(f"the part after {kind} is not a key of that type: was it cut while copying?")
    if kind == "ssh-rsa" and int.from_bytes(fields[-1]).bit_length() < _RSA_BITS:
        raise _invalid(
            f"an RSA key of less than {_RSA_BITS} bits can be broken: make another, as by ssh-keygen -t ed25519"
        )
    return " ".join(part for part in (kind, encoded, comment.strip()) if part), fingerprint(blob)


def read_lines(text: str) -> Sequence[Line]:
    """Read an authorized_keys file: a key a line; empty lines and those that begin with # are left out.

    Raises InvalidError with a fault for each line that is no key, or when there is none at all.
    """
    found: list[Line] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key, mark = check_line(line)
        except InvalidError as exc:
            faults.append(Fault(f"line {number}: {exc}", "/text"))
        else:
            found.append(Line(key, mark, _wished(key, mark)))
    if not found and not faults:
        faults.append(Fault("there is no key in it: give the content of an authorized_keys or .pub file", "/text"))
    if faults:
        shown = faults[:_MOST_FAULTS]
        raise InvalidError("nothing was stored: " + "; ".join(fault.detail for fault in shown), faults=shown)
    return found


def free_name(wished: str, taken: Container[str]) -> str:
    """Choose a name that is not taken: the one wished for, or that with a number behind it."""
    name, number = wished, 1
    while name in taken:
        number += 1
        name = f"{wished}-{number}"
    return name


def _wished(key: str, mark: str) -> str:
    """Make a name of a key's comment; where it has none, of its type and fingerprint."""
    kind, _, comment = (*key.split(None, 2), "")[:3]
    for text in (comment, f"{kind}-{mark.removeprefix('SHA256:')[:8]}"):
        name = _NOT_IN_NAMES.sub("-", text)[:_NAME_CHARACTERS].strip("-._@")
        if name:
            return name
    raise AssertionError("a key's type has letters in it")


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
