"""What the API asks of the record of requests: the audit, and the answers to idempotency keys."""

from typing import Protocol

import msgspec

from fibrix.domain.attempt import Attempt


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    body: bytes
    media: str


class Ledger(Protocol):
    """Remembers what requests changed and what they were answered."""

    def earlier(self, attempt: Attempt) -> Answer | None:
        """Give the answer that this idempotency key of this user got already; None: it is new, and taken from now on.

        Raises ConflictError: the first request with it is still under way, or its answer was lost when the controller
        died; InvalidError: it was used for another request.
        """
        ...

    async def close(self, attempt: Attempt, answer: Answer | None, *, after: bytes, refusal: str) -> None:
        """Put a request on record. `after`: the subject as the API shows it now; empty: it is gone, or a secret.

        Without an answer it was refused, `refusal` says why, and its idempotency key may be used again. Raises
        StoreError.
        """
        ...
