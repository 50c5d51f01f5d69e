"""What the API asks about who calls."""

from typing import Protocol

from fibrix.domain.access import Caller


class Gate(Protocol):
    """Lets callers in. Each call looks at what is stored now: a key that was revoked is good no more."""

    def by_key(self, key: str, address: str) -> Caller:
        """Find the caller that an API key stands for, and note the key's use. Raises UnauthorizedError."""
        ...

    def by_cookie(self, cookie: str, address: str) -> Caller:
        """Find the caller that a browser's session stands for. Raises UnauthorizedError."""
        ...

    def csrf(self, caller: Caller) -> str:
        """What a changing request of this caller's browser session must show besides its cookie."""
        ...

    def current(self, caller: Caller) -> Caller | None:
        """Look again: the caller as of now, with the rights of now; None: no longer let in."""
        ...
