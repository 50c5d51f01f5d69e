"""Webhooks: who wants which events sent where, what could not be delivered yet, and when it is tried again."""

import re
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import msgspec
from msgspec.structs import replace

from fibrix.domain.access import GRANTS, REGION, Permission, Role
from fibrix.domain.account import User
from fibrix.domain.selection import Selection
from fibrix.errors import InvalidError
from fibrix.types import TenantId, UserId, WebhookId

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_DOUBLINGS: Final = 30  # more of them are beyond any limit, and would not fit a float for ever


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription: events that fit are sent to `url`. Secrets are sealed elsewhere; `revision` counts changes."""

    id: WebhookId
    tenant: TenantId = REGION  # a tenant's webhook gets the tenant's events only
    name: str  # unique among its tenant's
    url: str
    wants: Selection = Selection()  # which events; `owner` is the tenant, or None for the region's webhooks
    parallel: int = 1  # deliveries at once; 1: one after the other, in order
    enabled: bool = True
    fault: str = ""  # why Fibrix itself disabled it
    user: UserId  # who made or last changed it, and answers for it
    old_secret_until: datetime | None = None  # the secret before the present one is used too until then
    starts: int = 1  # how often it was told where to begin
    created_at: datetime
    revision: int = 1


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a webhook has come: all events up to `position` are delivered, kept as letters, or not for it."""

    id: WebhookId
    position: int
    starts: int  # the webhook's `starts` that it belongs to


class LetterState(Enum):
    """What becomes of an event that could not be delivered at once."""

    WAITING = "waiting"  # it is tried again, and what follows waits for it
    ASIDE = "aside"  # it is tried again, and what follows goes on
    DEAD = "dead"  # it is tried no more, until someone says so


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to one webhook, kept once its first delivery has failed. Its id is the `webhook-id`."""

    id: str
    webhook: WebhookId
    seq: int  # of the event
    type: str  # of the event, with its `fibrix.` prefix
    body: str  # CloudEvents JSON
    state: LetterState = LetterState.WAITING
    attempts: int = 0
    first_at: datetime  # of the first attempt
    last_at: datetime  # of the last attempt
    next_at: datetime | None = None
    status: int = 0  # HTTP's, of the last attempt; 0: there was no answer
    error: str = ""  # of the last attempt, in words


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt."""

    status: int = 0  # HTTP's; 0: there was no answer
    error: str = ""  # empty: it was delivered
    retry_after_s: int = 0  # what the receiver asked for
    took_ms: float = 0.0

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return not self.error

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more events, ever (410, RFC 9110 §15.5.11)."""
        return self.status == 410  # noqa: PLR2004 - HTTP's number


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long an event is tried, in seconds."""

    retry_s: float = 86400.0  # from the first attempt on; then it is a dead letter
    first_pause_s: float = 5.0  # after the first failure; doubled with each one
    most_pause_s: float = 600.0
    hold_s: float = 60.0  # others wait for it so long, then it is looked whether they go through


def pause_s(attempts: int, chance: float, patience: Patience) -> float:
    """Say how long to wait after so many failures: doubled each time, up to a limit, a part of it left to chance.

    `chance` is from 0 to 1; the pause is from a half to the whole of what the doubling gives, so that many webhooks of
    one receiver do not come back to it all at once.
    """
    doubled = patience.first_pause_s * 2.0 ** min(max(attempts - 1, 0), _DOUBLINGS)
    return min(doubled, patience.most_pause_s) * (0.5 + 0.5 * chance)


def failed(letter: Letter, outcome: Outcome, now: datetime, chance: float, patience: Patience) -> Letter:
    """Note a failed attempt and say when the next one is due; one that was tried for long enough is dead.

    The last attempt is made when the time is just up. One that others wait for is tried again at the latest when they
    have waited for long enough.
    """
    tried = replace(
        letter, attempts=letter.attempts + 1, last_at=now, status=outcome.status, error=outcome.error, next_at=None
    )
    end = tried.first_at + timedelta(seconds=patience.retry_s)
    if now >= end:
        return replace(tried, state=LetterState.DEAD)
    asked_s = min(float(outcome.retry_after_s), patience.most_pause_s)
    due = now + timedelta(seconds=max(pause_s(tried.attempts, chance, patience), asked_s))
    if letter.state is LetterState.WAITING and not held(tried, now, patience):
        due = min(due, tried.first_at + timedelta(seconds=patience.hold_s))
    return replace(tried, next_at=min(due, end))


def held(letter: Letter, now: datetime, patience: Patience) -> bool:
    """Tell whether others have waited for this one for long enough."""
    return now >= letter.first_at + timedelta(seconds=patience.hold_s)


def revived(letter: Letter, now: datetime) -> Letter:
    """Begin anew with a dead letter: at once, and with all the patience there is. What follows does not wait."""
    return replace(letter, state=LetterState.ASIDE, attempts=0, first_at=now, next_at=now)


def disowned(webhook: Webhook, user: User | None, *, tenant_there: bool) -> str:
    """Say why nobody stands behind a webhook any more, in words; empty: someone does.

    A webhook has the rights of the user who answers for it: when they may no longer see its events, it gets none.
    """
    if webhook.tenant != REGION and not tenant_there:
        return "its tenant is gone"
    if user is None:
        return "the user who answers for it is gone"
    if user.disabled:
        return f"the user {user.name!r}, who answers for it, is disabled"
    if Permission.USE not in GRANTS[user.role]:
        return f"the user {user.name!r}, who answers for it, no longer has the permission 'use'"
    if user.role is Role.TENANT and user.tenant != webhook.tenant:
        return f"the user {user.name!r}, who answers for it, no longer sees its events"
    return ""


def check_name(name: str) -> str:
    """Give back a name that a webhook may have. Raises InvalidError."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a webhook's name: letters, digits, dot, dash and underscore, at most 63",
            pointer="/name",
        )
    return name
