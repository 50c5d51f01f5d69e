"""/api/v1/webhooks: subscriptions whose events are sent to a receiver."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import Time
from fibrix.domain.access import Permission
from fibrix.domain.ports.webhooks import Wanted, WebhookEdit, Webhooks, WebhookSpec
from fibrix.domain.webhook import Letter, LetterState, Outcome, Webhook
from fibrix.errors import ConflictError, InvalidError, NotFoundError, QuotaError
from fibrix.types import TenantId, UserId, WebhookId

BASE = "/api/v1/webhooks"
ONE = BASE + "/{webhook}"
_MAKES = (InvalidError, ConflictError, QuotaError)


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook. How far it has come is at `/status`, so that reading it for a change is not outrun by deliveries."""

    id: WebhookId
    tenant: TenantId  # empty: the region's
    name: str
    url: str
    wants: Wanted
    parallel: int  # deliveries at once; 1: one after the other, in order
    enabled: bool
    fault: str  # why Fibrix itself disabled it; empty: it did not
    user: UserId  # who answers for it: it has their rights
    old_secret_until: Time | None  # deliveries are signed with the secret before the present one too, until then
    created_at: Time
    revision: int


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook with its secret, which is shown this once."""

    webhook: WebhookView
    secret: str  # `whsec_` and base64: the key that signatures are checked with


class LetterView(msgspec.Struct, frozen=True, kw_only=True):
    """An event that could not be delivered yet, or at all."""

    id: str  # the header `webhook-id` of its deliveries
    seq: int  # of the event
    type: str  # of the event
    state: LetterState
    attempts: int
    first_at: Time
    last_at: Time
    next_at: Time | None
    status: int  # HTTP's, of the last attempt; 0: there was no answer
    error: str  # of the last attempt


class DeadLetterView(LetterView, frozen=True, kw_only=True):
    """A dead letter with what is in it."""

    event: msgspec.Raw  # CloudEvents JSON, as it is sent


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt."""

    delivered: bool
    status: int  # HTTP's; 0: there was no answer
    error: str  # why it failed, in words; empty: it did not
    took_ms: float

    @classmethod
    def of(cls, outcome: Outcome) -> "AttemptView":
        """Show an outcome."""
        return cls(delivered=outcome.delivered, status=outcome.status, error=outcome.error, took_ms=outcome.took_ms)


class StatusView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a webhook has come."""

    position: int  # all events up to this number are dealt with; stored once a second
    head: int  # the newest event's number
    waiting: LetterView | None  # the event that is tried again while others wait for it
    aside: int  # so many are tried again while others go on
    dead: int  # so many are tried no more
    last: AttemptView | None  # the last attempt since the controller started


class CountView(msgspec.Struct, frozen=True, kw_only=True):
    """How many letters it was about."""

    count: int


class WebhookRoutes:
    """Webhooks."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def routes(self) -> list[Route]:
        """The part of the route table."""
        use, gone = Permission.USE, (NotFoundError,)
        return [
            Route("GET", BASE, self.listing, use, "List webhooks"),
            Route("POST", BASE, self.add, use, "Make a webhook; shows its secret", _MAKES, 201, confidential=True),
            Route("GET", ONE, self.get, use, "Show a webhook", gone),
            Route("PATCH", ONE, self.edit, use, "Change a webhook", (*gone, *_MAKES)),
            Route("DELETE", ONE, self.delete, use, "Delete a webhook and all that waits", gone, 204),
            Route("GET", ONE + "/status", self.status, use, "Show how far a webhook has come", gone),
            Route("POST", ONE + "/rotate", self.rotate, use, "Make another secret", gone, confidential=True),
            Route("POST", ONE + "/test", self.test, use, "Send a test message now", gone, outward=True),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[WebhookView]]]:
        """A tenant's users see the tenant's."""
        views = map(webhook_view, self._webhooks.all(call.caller))
        return listing(WebhookView, views, call.query, lambda view: view.id, order="created_at")

    async def add(self, call: Call[WebhookSpec, Nothing]) -> Reply[SecretView]:
        """It is the caller's tenant's."""
        webhook, secret = await self._webhooks.create(call.caller, call.body)
        view = SecretView(webhook=webhook_view(webhook), secret=secret)
        return Reply(view, headers={"Location": f"{BASE}/{webhook.id}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[WebhookView]:
        """By id or name."""
        return Reply(webhook_view(self._webhooks.find(call.caller, call.path["webhook"])))

    async def edit(self, call: Call[WebhookEdit, Nothing]) -> Reply[WebhookView]:
        """What is left out stays."""
        return Reply(webhook_view(await self._webhooks.edit(call.caller, call.path["webhook"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """An attempt that is under way may still arrive."""
        await self._webhooks.delete(call.caller, call.path["webhook"])
        return Reply(None)

    async def status(self, call: Call[Nothing, Nothing]) -> Reply[StatusView]:
        """As of now."""
        progress = self._webhooks.progress(call.caller, call.path["webhook"])
        view = StatusView(
            position=progress.position,
            head=progress.head,
            waiting=None if progress.waiting is None else letter_view(progress.waiting),
            aside=progress.aside,
            dead=progress.dead,
            last=None if progress.last is None else AttemptView.of(progress.last),
        )
        return Reply(view)

    async def rotate(self, call: Call[Nothing, Nothing]) -> Reply[SecretView]:
        """Deliveries carry both signatures for a while."""
        webhook, secret = await self._webhooks.rotate(call.caller, call.path["webhook"])
        return Reply(SecretView(webhook=webhook_view(webhook), secret=secret))

    async def test(self, call: Call[Nothing, Nothing]) -> Reply[AttemptView]:
        """The answer says what came of it; nothing is tried again."""
        return Reply(AttemptView.of(await self._webhooks.test(call.caller, call.path["webhook"])))


def webhook_view(webhook: Webhook) -> WebhookView:
    """Show a webhook."""
    wants = webhook.wants
    return WebhookView(
        id=webhook.id,
        tenant=webhook.tenant,
        name=webhook.name,
        url=webhook.url,
        wants=Wanted(types=wants.types, subject=wants.subject, machine=wants.machine, tenant=wants.tenant),
        parallel=webhook.parallel,
        enabled=webhook.enabled,
        fault=webhook.fault,
        user=webhook.user,
        old_secret_until=webhook.old_secret_until,
        created_at=webhook.created_at,
        revision=webhook.revision,
    )


def letter_view(letter: Letter) -> LetterView:
    """Show a letter without what is in it."""
    return msgspec.convert(letter, LetterView, from_attributes=True)
