"""SSH keys by the dozen."""

import base64
import hashlib

_HEAD = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"


def ed25519(number: int) -> str:
    """A public key of its own for each number, as OpenSSH writes it."""
    return f"ssh-ed25519 {base64.b64encode(_HEAD + hashlib.sha256(str(number).encode()).digest()).decode()}"
