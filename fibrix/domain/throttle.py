"""How often a login may be tried.

Three counts of failures are kept. What an attacker can reach with each decides what it does:

- by user *and* address: the attempts on one user from one place. Few are free, then each doubles the wait.
- by address: the attempts on many users from one place. More are free, as a whole office may share an address.
- by user alone: the attempts on one user from everywhere. This one never refuses; it only holds each attempt up, by two
  seconds at most. So whoever fails, from one address or from thousands, keeps nobody out who comes from another address
  with the right password.

An attempt counts as failed from its beginning, so that many at once count too; success takes that back. A refused
attempt does not count. An IPv6 address counts by its /64, which one customer has as a whole.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Final

from fibrix.errors import ThrottledError

PLACES: Final = 10_000
"""Counts that are kept of each kind; the one that was used longest ago makes room."""


@dataclass(frozen=True, slots=True)
class Rule:
    """After `free` failures the wait is `first_s`, and twice as long with each more, up to `most_s`.

    All is forgotten when nothing failed for `forget_s`.
    """

    free: int
    first_s: float
    most_s: float
    forget_s: float = 3600.0

    def wait_s(self, failures: int) -> float:
        """How long after the newest of so many failures the next attempt may be."""
        if failures < self.free:
            return 0.0
        return min(self.first_s * 2.0 ** min(failures - self.free, 60), self.most_s)


PAIR: Final = Rule(free=5, first_s=1.0, most_s=900.0)
ADDRESS: Final = Rule(free=30, first_s=1.0, most_s=300.0)
USER: Final = Rule(free=20, first_s=0.1, most_s=2.0)


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last: float = 0.0


class _Counts:
    """The counts of one kind, the ones used longest ago first."""

    def __init__(self, rule: Rule, places: int) -> None:
        self.rule = rule
        self._places = places
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def wait_s(self, key: Hashable, now: float) -> float:
        """How long from now until the next attempt may be."""
        count = self._known(key, now)
        return 0.0 if count is None else max(0.0, count.last + self.rule.wait_s(count.failures) - now)

    def add(self, key: Hashable, now: float) -> int:
        """Count a failure; gives how many there are."""
        count = self._known(key, now) or _Count()
        count.failures, count.last = count.failures + 1, now
        self._counts[key] = count
        self._counts.move_to_end(key)
        if len(self._counts) > self._places:
            self._counts.popitem(last=False)
        return count.failures

    def take_back(self, key: Hashable) -> None:
        """Count one failure less."""
        count = self._counts.get(key)
        if count is None:
            return
        count.failures -= 1
        if not count.failures:
            del self._counts[key]

    def forget(self, key: Hashable) -> None:
        """Begin anew."""
        self._counts.pop(key, None)

    def _known(self, key: Hashable, now: float) -> _Count | None:
        """Find a count that is not too old to matter."""
        count = self._counts.get(key)
        return None if count is None or now - count.last >= self.rule.forget_s else count


class Throttle:
    """Counts failed logins. `now` is monotonic, in seconds."""

    def __init__(self, places: int = PLACES) -> None:
        self._pairs = _Counts(PAIR, places)
        self._addresses = _Counts(ADDRESS, places)
        self._users = _Counts(USER, places)

    def __len__(self) -> int:
        """How many counts are kept."""
        return len(self._pairs) + len(self._addresses) + len(self._users)

    def admit(self, name: str, address: str, now: float) -> float:
        """Let an attempt begin, and count it as failed; gives how long to hold it up, in seconds.

        Raises ThrottledError, which says when to try again.
        """
        block = block_of(address)
        wait_s = max(self._pairs.wait_s((name, block), now), self._addresses.wait_s(block, now))
        if wait_s > 0:
            again_s = ceil(wait_s)
            raise ThrottledError(
                f"too many logins failed from this address: try again in {again_s} s", retry_after_s=again_s
            )
        self._pairs.add((name, block), now)
        self._addresses.add(block, now)
        return USER.wait_s(self._users.add(name, now) - 1)

    def give_back(self, name: str, address: str) -> None:
        """Take back an attempt that came to nothing through no fault of its own."""
        block = block_of(address)
        self._pairs.take_back((name, block))
        self._addresses.take_back(block)
        self._users.take_back(name)

    def succeeded(self, name: str, address: str) -> None:
        """Take back that an attempt counted as failed. From here, this user has a clean slate."""
        block = block_of(address)
        self._pairs.forget((name, block))
        self._addresses.take_back(block)
        self._users.take_back(name)


def block_of(address: str) -> str:
    """Name the block of addresses that one customer has: an IPv4 address alone, the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # a unix socket has none
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed), 64), strict=False))


class Budget:
    """How many events of a kind may be told: some at once, then one each `every_s`. `now` is monotonic, in seconds."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst = float(burst)
        self._every_s = every_s
        self._left = float(burst)
        self._at = 0.0
        self._untold = 0

    def spend(self, now: float) -> int | None:
        """Ask to tell of one more; gives how many were left untold since the last. None: leave this one untold too."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) / self._every_s)
        self._at = now
        if self._left < 1:
            self._untold += 1
            return None
        self._left -= 1
        untold, self._untold = self._untold, 0
        return untold
