"""Who calls: API keys, shown as bearer tokens (RFC 6750 §2.1)."""

import hashlib
import hmac

from fibrix.domain.ports.keys import ApiKeys
from fibrix.errors import UnauthorizedError


class KeyCheck:
    """Checks the `Authorization` header against the stored hashes."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    def holder(self, header: str) -> str:
        """Name the key that a request shows. Raises UnauthorizedError."""
        scheme, _, key = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise UnauthorizedError("this needs an API key: send the header `Authorization: Bearer KEY`")
        name = self._match(hashlib.sha256(key.strip().encode()).hexdigest())
        if not name:
            raise UnauthorizedError("this API key is not known here: check that it belongs to this controller")
        self._keys.used(name)
        return name

    def _match(self, digest: str) -> str:
        """Compare with every hash, in a time that does not depend on which one fits or how far."""
        found = ""
        for name, known in self._keys.hashes().items():
            if hmac.compare_digest(digest, known):
                found = name
        return found
