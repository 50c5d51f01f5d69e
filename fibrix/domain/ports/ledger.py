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


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended."""

    attempt: Attempt  # with its subject, and how that looked before
    answer: Answer | None  # None: it was cut short, nobody knows how far it came
    refusal: str = ""  # why the answer is a no; empty: it was done
    after: bytes = b""  # the subject as the API shows it now; empty: it is gone, or a secret


class Ledger(Protocol):
    """Remembers what requests changed and what they were answered."""

    async def earlier(self, attempt: Attempt) -> Answer | None:
        """Give the answer that this idempotency key of this user got already.

        None: there is no key, or it is new and from now on taken, until `close`. Raises UnderWayError: the first
        request with it is not done yet; AnswerLostError: it is done, but its answer is not to be had; KeyReusedError:
        it was another request; ThrottledError: too many keys within a day; StoreError.
        """
        ...

    async def begin(self, attempt: Attempt) -> None:
        """Store an attempt that is going to act on the world before it changes the store. Raises StoreError."""
        ...

    async def close(self, closing: Closing) -> None:
        """Put a request on record, and its answer behind its idempotency key.

        The key of a request that was refused before it changed anything may be used again. It never raises: what
        cannot be written now is written later.
        """
        ...
