"""What comes next for a webhook: events of the journal that it wants, as letters that are yet to be sent."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from fibrix.domain.selection import PREFIX, Selectable, Selection
from fibrix.domain.webhook import Letter, Webhook

PAGE: Final = 100
"""So many are read ahead."""


class Told(Selectable, Protocol):
    """An entry of the journal."""

    @property
    def seq(self) -> int:
        """Its sequence number."""
        ...

    def cloudevent(self) -> bytes:
        """Its CloudEvents JSON."""
        ...


class Record(Protocol):
    """The journal, as far as webhooks ask."""

    @property
    def head(self) -> int:
        """The newest number."""
        ...

    @property
    def oldest(self) -> int:
        """The oldest number that is kept."""
        ...

    async def since(self, seq: int, *, limit: int, wanted: Selection = ...) -> Sequence[Told]:
        """Give the entries after `seq`, in order, at most `limit` of those that are wanted. Raises StoreError."""
        ...

    async def changed(self, after: int) -> object:
        """Wait until there is an entry after `after`."""
        ...


class Upcoming:
    """Reads the journal for webhooks."""

    def __init__(self, journal: Record, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now

    @property
    def head(self) -> int:
        """The newest number of the journal."""
        return self._journal.head

    async def after(self, webhook: Webhook, position: int) -> tuple[list[Letter], int]:
        """Give what comes after a position, and the number up to which there is nothing else. Raises StoreError.

        Events that are no longer kept are told by one letter of the type `fibrix.gap`.
        """
        head = self._journal.head
        entries = await self._journal.since(position, limit=PAGE, wanted=webhook.wants)
        oldest = self._journal.oldest
        if position + 1 < oldest:
            return [self._gap(webhook, oldest)], oldest - 1
        if position > head:  # a store that was put back to what it was before: go on from there
            return [self._gap(webhook, head + 1)], head
        letters = [self._letter(webhook, entry) for entry in entries if not is_own(webhook, entry)]
        last = entries[-1].seq if entries else position
        return letters, last if len(entries) >= PAGE else max(last, head)

    def _letter(self, webhook: Webhook, entry: Told) -> Letter:
        """Address an event. The id is the same at every attempt, so that a receiver knows what it has already."""
        now = self._now()
        return Letter(
            id=f"{webhook.id}-{entry.seq}",
            webhook=webhook.id,
            seq=entry.seq,
            type=f"{PREFIX}{entry.type}",
            body=entry.cloudevent().decode(),
            first_at=now,
            last_at=now,
        )

    def _gap(self, webhook: Webhook, oldest: int) -> Letter:
        """Say that events before `oldest` are lost."""
        return self.notice(webhook, "gap", oldest - 1, {"oldest": oldest})

    def notice(self, webhook: Webhook, kind: str, number: int, data: dict[str, Any]) -> Letter:
        """Make a message that is no event of the journal: `gap`, or `webhook.test`. Its id has the kind in it."""
        now = self._now()
        body = {
            "specversion": "1.0",
            "id": f"{kind.rpartition('.')[2]}-{number}",
            "source": "/fibrix",
            "type": f"{PREFIX}{kind}",
            "time": now,
            "datacontenttype": "application/json",
            "data": data,
        }
        return Letter(
            id=f"{webhook.id}-{body['id']}",
            webhook=webhook.id,
            seq=number,
            type=f"{PREFIX}{kind}",
            body=msgspec.json.encode(body).decode(),
            first_at=now,
            last_at=now,
        )


class News:
    """New entries of the journal, looked at once for all webhooks: most of these want none of most of them."""

    def __init__(self, entries: Sequence[Told]) -> None:
        self.first = entries[0].seq
        self.last = entries[-1].seq
        self._entries = entries
        self._kinds = tuple({(entry.tenant, entry.type): entry for entry in entries}.values())
        self._subjects = {entry.subject for entry in entries}

    def concern(self, webhook: Webhook) -> bool:
        """Tell whether there is one that a webhook wants."""
        wants = webhook.wants
        if wants.about and wants.about not in self._subjects:
            return False
        coarse = _coarse(wants)
        if not any(coarse.fits(entry) for entry in self._kinds):
            return False
        return any(wants.fits(entry) and not is_own(webhook, entry) for entry in self._entries)


@lru_cache(maxsize=4096)
def _coarse(wants: Selection) -> Selection:
    """The same selection whatever the subject."""
    return replace(wants, subject="", machine="")


def is_own(webhook: Webhook, entry: Told) -> bool:
    """Tell whether an event is about the webhook itself: it is not told of, or one that fails would beget the next."""
    return entry.subject == f"webhooks/{webhook.id}"
