"""How a delivery proves where it comes from: Standard Webhooks, symmetric signatures (https://standardwebhooks.com)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final

SECRET_OCTETS: Final = 32
_PREFIX: Final = "whsec_"


def secret_of(octets: bytes) -> str:
    """Write a secret as receivers are told it: `whsec_` and base64. Give SECRET_OCTETS random octets."""
    return _PREFIX + base64.b64encode(octets).decode()


def signed_headers(message: str, timestamp: int, body: bytes, secrets: Iterable[str]) -> Mapping[str, str]:
    """Give the headers that identify and sign a delivery.

    `message` is the same at every attempt, so that a receiver knows what it has already; `timestamp` is the attempt's,
    in seconds since 1970. Each secret makes one signature, with spaces between them: any one that fits will do.
    """
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, message, timestamp, body) for secret in secrets),
    }


def _signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """Sign with HMAC-SHA256 over id, time and body with dots between them."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = hmac.digest(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"
