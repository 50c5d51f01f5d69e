"""Answers kept as octets, by the query's octets less its id: for as long as what they were made of stays."""

from collections import Counter
from typing import Final

from fibrix.services.dns.engine import Reply

_MOST: Final = 32_768  # entries
_MOST_BYTES: Final = 16 << 20  # of queries and answers


class Kept:
    """One answer less its id, and how often it was given since it was counted."""

    __slots__ = ("hits", "kind", "only", "rcode", "tail")

    def __init__(self, reply: Reply) -> None:
        self.tail = reply.octets[2:]
        self.kind = reply.kind
        self.rcode = reply.rcode
        self.only = reply.only
        self.hits = 0


class KeptAnswers:
    """Bounded; when it is full, all of it goes. `entries` may be read by who is in a hurry."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Kept] = {}
        self.hits = 0  # of those that were counted
        self._bytes = 0
        self._queries: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._by_name: dict[str, list[bytes]] = {}
        self._others: list[bytes] = []

    def keep(self, query: bytes, reply: Reply) -> None:
        """Keep the answer to a query."""
        self._bytes += len(query) + len(reply.octets)
        if len(self.entries) >= _MOST or self._bytes > _MOST_BYTES:
            self.forget(None)
            self._bytes = len(query) + len(reply.octets)
        key = query[2:]
        self.entries[key] = Kept(reply)
        if reply.only:
            self._by_name.setdefault(reply.only, []).append(key)
        else:
            self._others.append(key)

    def forget(self, names: list[str] | None) -> None:
        """Forget what may have changed with the records of these names; None: all."""
        if names is None:
            self.count()
            self.entries.clear()
            self._by_name.clear()
            self._others.clear()
            self._bytes = 0
            return
        if not names:
            return
        for key in self._others:
            self._drop(key)
        self._others.clear()
        for name in names:
            for key in self._by_name.pop(name, ()):
                self._drop(key)

    def count(self) -> tuple[Counter[str], Counter[str]]:
        """Count what was given: by type of the question, by RCODE."""
        for kept in self.entries.values():
            self._tally(kept)
        return self._queries, self._answers

    def _drop(self, key: bytes) -> None:
        kept = self.entries.pop(key, None)
        if kept is not None:
            self._tally(kept)
            self._bytes -= len(key) + len(kept.tail) + 4

    def _tally(self, kept: Kept) -> None:
        if kept.hits:
            self._queries[kept.kind] += kept.hits
            self._answers[kept.rcode] += kept.hits
            self.hits += kept.hits
            kept.hits = 0
