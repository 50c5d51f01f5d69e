"""What deliveries read and write: how far each webhook has come, its letters, its secrets, who stands behind it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.config import WebhooksConfig
from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.upcoming import Upcoming
from fibrix.domain.access import REGION
from fibrix.domain.account import Tenant, User
from fibrix.domain.ports.webhooks import Post, Sender
from fibrix.domain.webhook import Cursor, Letter, LetterState, Outcome, Patience, Webhook, disowned
from fibrix.domain.webhook_signature import signed_headers
from fibrix.errors import NotFoundError
from fibrix.events.webhook import WebhookDeleted, WebhookDisabled, WebhookLetterDied
from fibrix.types import WebhookId

log = structlog.get_logger()

_AGED: Final = 200
"""At most so many letters are forgotten in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a webhook has come; good only while it is the start that it belongs to."""

    webhook: WebhookId
    starts: int
    position: int


class Mailroom:
    """The deliveries' side of the store, and the sender."""

    def __init__(
        self,
        store: Store,
        upcoming: Upcoming,
        sender: Sender,
        config: WebhooksConfig,
        now: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        self.upcoming = upcoming
        self.sender = sender
        self.now = now
        self.chance = chance
        self.patience = Patience(
            retry_s=config.retry_s,
            first_pause_s=config.first_pause_s,
            most_pause_s=config.most_pause_s,
            hold_s=config.hold_s,
        )
        self.last: dict[WebhookId, Outcome] = {}  # of each webhook's last attempt since the start
        self.attempts: Counter[str] = Counter()  # `delivered`, `failed`; and `dead`: letters that died
        self._store = store
        self._config = config

    def all(self) -> Sequence[Webhook]:
        """All webhooks."""
        return self._store.of(Webhook).all()

    def webhook(self, webhook: WebhookId) -> Webhook:
        """One as it is now. Raises NotFoundError."""
        return self._store.of(Webhook).get(webhook)

    def position(self, webhook: WebhookId) -> int:
        """How far it has come, as was stored last. Raises NotFoundError."""
        return self._store.of(Cursor).get(webhook).position

    def letters(self, webhook: WebhookId, *states: LetterState) -> list[Letter]:
        """Its letters in some states, in the order of their events."""
        found = [one for one in self._store.of(Letter).all() if one.webhook == webhook and one.state in states]
        return sorted(found, key=lambda letter: letter.seq)

    def fault(self, webhook: Webhook) -> str:
        """Say why nobody stands behind it any more; empty: someone does."""
        return disowned(webhook, self._user(webhook), tenant_there=self.tenant_there(webhook))

    def tenant_there(self, webhook: Webhook) -> bool:
        """Whether the tenant whose webhook it is exists; the region does."""
        if webhook.tenant == REGION:
            return True
        try:
            self._store.of(Tenant).get(webhook.tenant)
        except NotFoundError:
            return False
        return True

    async def send(self, webhook: Webhook, letter: Letter, *, ailing: bool = False) -> Outcome:
        """Make one attempt. Raises StoreError: its secret cannot be read."""
        now, body = self.now(), letter.body.encode()
        headers = signed_headers(letter.id, int(now.timestamp()), body, self._secrets(webhook, now))
        outcome = await self.sender.send(
            Post(webhook=webhook.id, url=webhook.url, headers=headers, body=body, tenant=webhook.tenant, ailing=ailing)
        )
        told = log.debug if outcome.delivered else log.info
        told("webhook.sent", webhook=webhook.id, letter=letter.id, status=outcome.status, took_ms=outcome.took_ms)
        return outcome

    def count(self, webhook: Webhook, outcome: Outcome) -> None:
        """Take note of what came of an attempt."""
        self.last[webhook.id] = outcome
        self.attempts["delivered" if outcome.delivered else "failed"] += 1

    async def settle(
        self, webhook: Webhook, *, keep: Iterable[Letter] = (), forget: Sequence[str] = (), position: int | None = None
    ) -> None:
        """Store what became of letters, and how far the webhook has come, all or nothing.

        Raises NotFoundError (the webhook is gone), StoreError.
        """
        kept = tuple(keep)
        dead = [letter for letter in kept if letter.state is LetterState.DEAD]
        surplus = self._surplus(webhook.id, len(dead)) if dead else ()

        def work(unit: Unit) -> None:
            unit.of(Webhook).read(webhook.id)
            for letter in kept:
                _put(unit, letter)
            for letter in dead:
                unit.append(self._died(webhook, letter))
            for gone in (*forget, *surplus):
                with suppress(NotFoundError):
                    unit.of(Letter).delete(gone)
            if position is not None:
                _mark(unit, Mark(webhook=webhook.id, starts=webhook.starts, position=position))

        await self._store.change(work)
        self.attempts["dead"] += len(dead)

    async def save(self, marks: Sequence[Mark]) -> None:
        """Store how far webhooks have come. Raises StoreError."""

        def work(unit: Unit) -> None:
            for mark in marks:
                _mark(unit, mark)

        if marks:
            await self._store.change(work)

    async def disable(self, webhook: Webhook, reason: str) -> bool:
        """Disable a webhook, unless someone has changed it in the meantime; tells whether. Raises StoreError."""

        def work(unit: Unit) -> bool:
            try:
                present = unit.of(Webhook).read(webhook.id)
            except NotFoundError:
                return False
            if present.revision != webhook.revision:
                return False
            unit.of(Webhook).update(replace(present, enabled=False, fault=reason, revision=present.revision + 1))
            event = WebhookDisabled(
                at=self.now(), tenant=webhook.tenant, webhook=webhook.id, name=webhook.name, reason=reason
            )
            unit.append(event)
            return True

        disabled = await self._store.change(work)
        if disabled:
            log.warning("webhook.disabled", webhook=webhook.id, reason=reason)
        return disabled

    async def remove(self, webhook: Webhook) -> None:
        """Remove one whose tenant is gone. Raises NotFoundError, StoreError."""
        await self._store.change(lambda unit: removed(unit, webhook, self.now()))

    async def forget_aged(self) -> None:
        """Forget dead letters that were kept for long enough. Raises StoreError."""
        before = self.now() - timedelta(days=self._config.dead_days)
        dead = [one for one in self._store.of(Letter).all() if one.state is LetterState.DEAD and one.last_at < before]

        def work(unit: Unit) -> None:
            for letter in dead[:_AGED]:
                with suppress(NotFoundError):
                    unit.of(Letter).delete(letter.id)

        if dead:
            await self._store.change(work)

    def _surplus(self, webhook: WebhookId, more: int) -> Sequence[str]:
        """Name the dead letters that must make room, oldest first."""
        dead = sorted(self.letters(webhook, LetterState.DEAD), key=lambda letter: letter.last_at)
        return [letter.id for letter in dead[: max(0, len(dead) + more - self._config.dead_letters)]]

    def _died(self, webhook: Webhook, letter: Letter) -> WebhookLetterDied:
        return WebhookLetterDied(
            at=self.now(),
            tenant=webhook.tenant,
            webhook=webhook.id,
            name=webhook.name,
            letter=letter.id,
            event=letter.seq,
            event_type=letter.type,
            attempts=letter.attempts,
            status=letter.status,
        )

    def _secrets(self, webhook: Webhook, now: datetime) -> list[str]:
        """Its secret, and the one before for as long as both are used. Raises StoreError."""
        found = [self._store.secret(secret_owner(webhook.id))]
        if webhook.old_secret_until is not None and webhook.old_secret_until > now:
            found.append(self._store.secret(old_secret_owner(webhook.id)))
        return [secret for secret in found if secret]

    def _user(self, webhook: Webhook) -> User | None:
        try:
            return self._store.of(User).get(webhook.user)
        except NotFoundError:
            return None


def removed(unit: Unit, webhook: Webhook, now: datetime) -> None:
    """Remove a webhook with all that belongs to it. Raises NotFoundError."""
    unit.of(Webhook).delete(webhook.id)
    with suppress(NotFoundError):
        unit.of(Cursor).delete(webhook.id)
    for letter in unit.of(Letter).all():
        if letter.webhook == webhook.id:
            unit.of(Letter).delete(letter.id)
    unit.forget_secret(secret_owner(webhook.id))
    unit.forget_secret(old_secret_owner(webhook.id))
    unit.append(WebhookDeleted(at=now, tenant=webhook.tenant, webhook=webhook.id, name=webhook.name))


def secret_owner(webhook: WebhookId) -> str:
    """Name the owner of a webhook's secret."""
    return f"webhooks/{webhook}/secret"


def old_secret_owner(webhook: WebhookId) -> str:
    """Name the owner of the secret that a webhook had before."""
    return f"webhooks/{webhook}/old-secret"


def _put(unit: Unit, letter: Letter) -> None:
    """Store a letter, new or not."""
    try:
        unit.of(Letter).update(letter)
    except NotFoundError:
        unit.of(Letter).insert(letter)


def _mark(unit: Unit, mark: Mark) -> None:
    """Store how far a webhook has come, unless it is gone or was told to begin elsewhere."""
    with suppress(NotFoundError):
        if unit.of(Cursor).read(mark.webhook).starts == mark.starts:
            unit.of(Cursor).update(Cursor(id=mark.webhook, position=mark.position, starts=mark.starts))
