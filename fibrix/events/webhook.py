"""What happened to webhooks. None carries a URL, a secret or what a receiver said: all of them may be secret."""

from typing import ClassVar

from fibrix.events.base import Event
from fibrix.types import WebhookId


class WebhookEvent(Event, frozen=True, kw_only=True):
    """Something about one webhook. By controllers.webhooks; for the deliveries and the stream, never for itself."""

    webhook: WebhookId
    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"webhooks/{self.webhook}"


class WebhookCreated(WebhookEvent, frozen=True, kw_only=True):
    """Events that fit are sent from now on."""

    TYPE: ClassVar[str] = "webhook.created"


class WebhookUpdated(WebhookEvent, frozen=True, kw_only=True):
    """It was changed; `fields` says what, `secret` that it was rotated."""

    TYPE: ClassVar[str] = "webhook.updated"
    fields: tuple[str, ...]


class WebhookDeleted(WebhookEvent, frozen=True, kw_only=True):
    """Nothing is sent any more, and what was waiting is forgotten."""

    TYPE: ClassVar[str] = "webhook.deleted"


class WebhookDisabled(WebhookEvent, frozen=True, kw_only=True):
    """Fibrix itself disabled it: the receiver wants no more, or nobody who may answers for it."""

    TYPE: ClassVar[str] = "webhook.disabled"
    reason: str


class WebhookLetterDied(WebhookEvent, frozen=True, kw_only=True):
    """An event could not be delivered for as long as it is tried, and is a dead letter now."""

    TYPE: ClassVar[str] = "webhook.dead_letter"
    letter: str
    event: int  # sequence number of the event that could not be delivered
    event_type: str
    attempts: int
    status: int  # HTTP's, of the last attempt; 0: there was no answer
