"""The controller's key: 32 random octets in a file of their own, from which every other key is made."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fibrix.errors import StoreError

KEY_OCTETS: Final = 32
NONCE_OCTETS: Final = 12  # NIST SP 800-38D §8.2.2: random nonces of 96 bits, good for 2**32 seals of one key


class ControllerKey:
    """Seals secrets and derives tokens. Each use has a key of its own, so that none tells anything of another."""

    def __init__(self, octets: bytes) -> None:
        self._aead = AESGCM(_subkey(octets, b"fibrix seal"))
        self._derive_key = _subkey(octets, b"fibrix derive")

    def __repr__(self) -> str:
        """Say nothing."""
        return "ControllerKey()"

    def seal(self, owner: str, text: str) -> bytes:
        """Encrypt with AES-256-GCM: 12 octets of nonce, the ciphertext, 16 of tag. Opens for the same owner only."""
        nonce = os.urandom(NONCE_OCTETS)
        return nonce + self._aead.encrypt(nonce, text.encode(), owner.encode())

    def unseal(self, owner: str, sealed: bytes) -> str:
        """Decrypt what was sealed for this owner. Raises StoreError: another key, another owner, or tampered with."""
        try:
            return self._aead.decrypt(sealed[:NONCE_OCTETS], sealed[NONCE_OCTETS:], owner.encode()).decode()
        except (InvalidTag, ValueError) as exc:
            raise StoreError(
                f"the secret of {owner} cannot be opened: it was changed, or sealed with another key"
            ) from exc

    def derive(self, label: str) -> str:
        """Give 64 hex digits that nobody can guess who does not have the key; always the same for one label."""
        return hmac.digest(self._derive_key, label.encode(), hashlib.sha256).hex()


def _subkey(octets: bytes, use: bytes) -> bytes:
    """Make the key of one use: the master is random and of full length, so one HMAC does (RFC 5869 §3.3)."""
    return hmac.digest(octets, use, hashlib.sha256)


def read_key(path: Path) -> ControllerKey:
    """Read the key file: 64 hex digits. Raises StoreError: not there, readable by others, or no key."""
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise StoreError(f"{path} can be read by others than its owner: chmod 600 {path}")
            octets = bytes.fromhex(file.read().strip())
    except (OSError, ValueError) as exc:
        raise StoreError(f"cannot read the controller's key: {exc}") from exc
    if len(octets) != KEY_OCTETS:
        raise StoreError(f"{path} does not hold a key: it needs {2 * KEY_OCTETS} hex digits")
    return ControllerKey(octets)


def make_key(path: Path) -> None:
    """Make a key file, whole or not at all; one that is there stays. Raises StoreError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_hex(KEY_OCTETS)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # unlike a rename it never replaces
        except FileExistsError:
            return
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except OSError as exc:
        raise StoreError(f"cannot make the controller's key: {exc}") from exc


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
