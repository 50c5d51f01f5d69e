"""The record of requests."""

from fibrix.domain.attempt import Attempt
from fibrix.domain.ports.ledger import Answer


class Recorder:
    """Fits `domain.ports.ledger.Ledger`."""

    def earlier(self, attempt: Attempt) -> Answer | None:  # noqa: ARG002
        """Give the answer that this idempotency key got already."""
        return None

    async def close(self, attempt: Attempt, answer: Answer | None, *, after: bytes, refusal: str) -> None:
        """Put a request on record."""
