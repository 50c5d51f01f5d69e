"""Webhooks as their owners see them: made, changed, rotated, tested, and their dead letters."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from fibrix.config import WebhooksConfig
from fibrix.controllers.mailroom import Mailroom, old_secret_owner, removed, secret_owner
from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.webhook_check import Checker
from fibrix.domain.access import Caller
from fibrix.domain.names import opaque_id
from fibrix.domain.ports.webhooks import Progress, Start, WebhookEdit, WebhookSpec
from fibrix.domain.webhook import Cursor, Letter, LetterState, Outcome, Webhook, revived
from fibrix.domain.webhook_signature import SECRET_OCTETS, secret_of
from fibrix.errors import ConflictError, InvalidError, NotFoundError, QuotaError
from fibrix.events.webhook import WebhookCreated, WebhookUpdated
from fibrix.runtime.scope import rehearsal
from fibrix.types import WebhookId

TEST_S: Final = 30.0
"""A test that got no turn by then is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """What is drawn: `draw(n)` a number below n, `octets(n)` so many that nobody can guess."""

    draw: Callable[[int], int]
    octets: Callable[[int], bytes]


class WebhookController:
    """Fits `domain.ports.webhooks.Webhooks`. `poke` tells the deliveries that a webhook's letters were changed."""

    def __init__(
        self,
        store: Store,
        room: Mailroom,
        poke: Callable[[WebhookId], None],
        config: WebhooksConfig,
        now: Callable[[], datetime],
        chances: Chances,
    ) -> None:
        self._store = store
        self._room = room
        self._poke = poke
        self._config = config
        self._now = now
        self._chances = chances
        self._checker = Checker(store, config)

    def all(self, caller: Caller) -> Sequence[Webhook]:
        """All that the caller sees."""
        return [webhook for webhook in self._store.of(Webhook).all() if caller.sees(webhook.tenant)]

    def find(self, caller: Caller, key: str) -> Webhook:
        """Find by id, or by name among the caller's own. Raises NotFoundError."""
        rows = self._store.of(Webhook)
        with suppress(NotFoundError):
            found = rows.get(key)
            if caller.sees(found.tenant):
                return found
        named = rows.by_key(f"{caller.tenant}/{key}")
        if named is None:
            raise NotFoundError(f"there is no webhook {key!r}")
        return named

    async def create(self, caller: Caller, spec: WebhookSpec) -> tuple[Webhook, str]:
        """Make one. Raises InvalidError, ConflictError (the name is in use), QuotaError, StoreError."""
        checked = self._checker.check(caller.tenant, name=spec.name, url=spec.url, wants=spec.wants)
        position = self._start(spec.since)
        webhook = Webhook(
            id=WebhookId(opaque_id("w", self._chances.draw)),
            tenant=caller.tenant,
            name=spec.name,
            url=spec.url,
            wants=checked,
            parallel=spec.parallel,
            enabled=spec.enabled,
            user=caller.user,
            created_at=self._now(),
        )
        secret = self._new_secret()

        def work(unit: Unit) -> None:
            self._refuse_more(unit, webhook)
            unit.of(Webhook).insert(webhook)
            unit.of(Cursor).insert(Cursor(id=webhook.id, position=position, starts=webhook.starts))
            unit.seal_secret(secret_owner(webhook.id), secret)
            unit.append(WebhookCreated(at=self._now(), tenant=webhook.tenant, webhook=webhook.id, name=webhook.name))

        await self._store.change(work)
        return webhook, secret

    async def edit(self, caller: Caller, key: str, edit: WebhookEdit) -> Webhook:
        """Change what is given. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        webhook = self.find(caller, key)
        given = {name: value for name, value in msgspec.structs.asdict(edit).items() if value is not UNSET}
        checked = self._checker.check(webhook.tenant, name=edit.name, url=edit.url, wants=edit.wants)
        since: Start | UnsetType = given.pop("since", UNSET)
        position = None if since is UNSET else self._start(since)
        if "wants" in given:
            given["wants"] = checked

        def work(unit: Unit) -> Webhook:
            before = unit.of(Webhook).read(webhook.id)
            fault = "" if edit.enabled is True else before.fault
            after = replace(before, **given, user=caller.user, fault=fault, revision=before.revision + 1)
            after = after if position is None else replace(after, starts=before.starts + 1)
            unit.of(Webhook).update(after)
            if position is not None:
                _begin_at(unit, after, position)
            self._tell(unit, after, [*given, *(["since"] if position is not None else [])])
            return after

        return await self._store.change(work)

    async def delete(self, caller: Caller, key: str) -> None:
        """Remove one with its letters and secrets. Raises NotFoundError, StoreError."""
        webhook = self.find(caller, key)
        await self._store.change(lambda unit: removed(unit, webhook, self._now()))

    async def rotate(self, caller: Caller, key: str) -> tuple[Webhook, str]:
        """Make another secret; the one before is used too for a while. Raises NotFoundError, StoreError."""
        webhook, secret = self.find(caller, key), self._new_secret()
        until = self._now() + timedelta(seconds=self._config.overlap_s)

        def work(unit: Unit) -> Webhook:
            before = unit.of(Webhook).read(webhook.id)
            after = replace(before, user=caller.user, old_secret_until=until, revision=before.revision + 1)
            unit.of(Webhook).update(after)
            unit.seal_secret(old_secret_owner(webhook.id), unit.secret(secret_owner(webhook.id)))
            unit.seal_secret(secret_owner(webhook.id), secret)
            self._tell(unit, after, ["secret"])
            return after

        return await self._store.change(work), secret

    async def test(self, caller: Caller, key: str) -> Outcome:
        """Send a test message now, whether the webhook is enabled or not. Raises NotFoundError, StoreError."""
        webhook = self.find(caller, key)
        played = rehearsal()
        if played is not None:
            played.acts.append(f"send a test message to the webhook {webhook.name}")
            return Outcome()
        number = self._chances.draw(1 << 40)
        letter = self._room.upcoming.notice(webhook, "webhook.test", number, {"webhook": webhook.id})
        try:
            async with asyncio.timeout(TEST_S), self._room.sender:
                return await self._room.send(webhook, letter)
        except TimeoutError:
            return Outcome(error="too many deliveries are under way: try it again later")

    def progress(self, caller: Caller, key: str) -> Progress:
        """Say how far it has come. Raises NotFoundError."""
        webhook = self.find(caller, key)
        letters = [letter for letter in self._store.of(Letter).all() if letter.webhook == webhook.id]
        states = [letter.state for letter in letters]
        return Progress(
            position=self._room.position(webhook.id),
            head=self._room.upcoming.head,
            waiting=next((letter for letter in letters if letter.state is LetterState.WAITING), None),
            aside=states.count(LetterState.ASIDE),
            dead=states.count(LetterState.DEAD),
            last=self._room.last.get(webhook.id),
        )

    def dead(self, caller: Caller, key: str) -> Sequence[Letter]:
        """Its dead letters, in the order of their events. Raises NotFoundError."""
        return self._room.letters(self.find(caller, key).id, LetterState.DEAD)

    def dead_letter(self, caller: Caller, key: str, letter: str) -> Letter:
        """One of them. Raises NotFoundError."""
        for found in self.dead(caller, key):
            if found.id == letter:
                return found
        raise NotFoundError(f"there is no dead letter {letter!r}")

    async def replay(self, caller: Caller, key: str, letter: str = "") -> int:
        """Try one or all again. Raises NotFoundError, ConflictError, StoreError."""
        webhook = self.find(caller, key)
        if not webhook.enabled:
            raise ConflictError(f"the webhook {webhook.name!r} is disabled: enable it first")
        chosen = self._chosen(caller, webhook, letter)

        def work(unit: Unit) -> int:
            count = 0
            for one in chosen:
                with suppress(NotFoundError):
                    unit.of(Letter).update(revived(unit.of(Letter).read(one), self._now()))
                    count += 1
            return count

        count = await self._store.change(work)
        self._poke(webhook.id)
        return count

    async def drop(self, caller: Caller, key: str, letter: str = "") -> int:
        """Forget one or all. Raises NotFoundError, StoreError."""
        chosen = self._chosen(caller, self.find(caller, key), letter)

        def work(unit: Unit) -> int:
            count = 0
            for one in chosen:
                with suppress(NotFoundError):
                    unit.of(Letter).delete(one)
                    count += 1
            return count

        return await self._store.change(work)

    def _chosen(self, caller: Caller, webhook: Webhook, letter: str) -> list[str]:
        """Name one dead letter, or all. Raises NotFoundError."""
        if letter:
            return [self.dead_letter(caller, webhook.id, letter).id]
        return [found.id for found in self.dead(caller, webhook.id)]

    def _start(self, since: Start) -> int:
        """Find the number to begin after. Raises InvalidError."""
        head = self._room.upcoming.head
        if since == "now":
            return head
        if since <= head:
            return since
        raise InvalidError(f"{since} is not there yet: the newest event is {head}; write `now`", pointer="/since")

    def _refuse_more(self, unit: Unit, webhook: Webhook) -> None:
        """Refuse one more than the limit. Raises QuotaError."""
        count = sum(1 for other in unit.of(Webhook).all() if other.tenant == webhook.tenant)
        if count >= self._config.most:
            raise QuotaError(f"there are {count} webhooks already, and no more are allowed: delete one first")

    def _tell(self, unit: Unit, webhook: Webhook, fields: Sequence[str]) -> None:
        unit.append(
            WebhookUpdated(
                at=self._now(), tenant=webhook.tenant, webhook=webhook.id, name=webhook.name, fields=tuple(fields)
            )
        )

    def _new_secret(self) -> str:
        return secret_of(self._chances.octets(SECRET_OCTETS))


def _begin_at(unit: Unit, webhook: Webhook, position: int) -> None:
    """Go on from elsewhere; the event that the others waited for is waited for no more."""
    unit.of(Cursor).update(Cursor(id=webhook.id, position=position, starts=webhook.starts))
    for letter in unit.of(Letter).all():
        if letter.webhook == webhook.id and letter.state is LetterState.WAITING:
            unit.of(Letter).delete(letter.id)
