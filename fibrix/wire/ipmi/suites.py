"""The cipher suites of IPMI 2.0 that Fibrix speaks (§22.15.2, table 22-20)."""

import hmac
from dataclasses import dataclass
from typing import Final

_KEY_CONSTANT_BYTES: Final = 20  # whatever the hash (§13.32)


@dataclass(frozen=True, slots=True)
class Suite:
    """Which algorithms protect a session. Confidentiality is AES-CBC-128 in both."""

    number: int
    hash: str  # name for hmac
    authentication: int  # algorithm number (§13.28)
    integrity: int  # algorithm number (§13.28.4)
    code_bytes: int  # of an integrity code
    confidentiality: int = 1  # AES-CBC-128 (§13.28.5)

    def mac(self, key: bytes, data: bytes) -> bytes:
        """Compute the whole HMAC (RFC 2104)."""
        return hmac.digest(key, data, self.hash)

    def code(self, key: bytes, data: bytes) -> bytes:
        """Compute the HMAC, cut to the length of an integrity code."""
        return self.mac(key, data)[: self.code_bytes]

    def session_key(self, integrity_key: bytes, number: int) -> bytes:
        """Make additional key material K1 or K2 from the session integrity key (§13.32)."""
        return self.mac(integrity_key, bytes((number,)) * _KEY_CONSTANT_BYTES)


SUITE_3: Final = Suite(3, "sha1", authentication=1, integrity=1, code_bytes=12)
SUITE_17: Final = Suite(17, "sha256", authentication=3, integrity=4, code_bytes=16)
STRONGEST_FIRST: Final = (SUITE_17, SUITE_3)
"""All suites, in the order in which they are proposed."""
