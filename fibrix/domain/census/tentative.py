"""IPv6 addresses that hosts test before they use them (RFC 4862 §5.4).

A host asks who has the address that it made; when nobody answers it is its own, and it may never be named by anything
that is heard of it. An answer, or another host that tests the same address, says that it is not.
"""

from typing import Final

from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.places import Place
from fibrix.domain.census.track import MOST_ADDRESSES

WAIT: Final = 5 * SECOND // 4
"""How long an answer is waited for: hosts wait for a second (RFC 4861 §10)."""
MOST: Final = 1_024
"""How many tests are kept in mind, of all hosts; of one, as many as it may have addresses."""

_NOBODY: Final = b""


class Tentative:
    """The tests that are under way. Beyond their bounds new ones are left out: hosts show addresses in other ways."""

    def __init__(self) -> None:
        self._tests: dict[tuple[Place, bytes], tuple[bytes, int]] = {}  # whose, and since when; the newest last
        self._by_mac: dict[bytes, int] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._tests)

    def test(self, mac: bytes, place: Place, address: bytes, at: int) -> None:
        """A host tests an address, maybe not for the first time. Two that test the same shall both not use it."""
        key = (place, address)
        known = self._tests.get(key)
        if known is not None:
            if known[0] != mac:
                self._refuse(key)
        elif len(self._tests) < MOST and self._by_mac.get(mac, 0) < MOST_ADDRESSES:
            self._by_mac[mac] = self._by_mac.get(mac, 0) + 1
            self._tests[key] = (mac, at)

    def answer(self, mac: bytes, place: Place, address: bytes) -> None:
        """A host says who has an address: where it does not test that itself, it is not the one's who does."""
        key = (place, address)
        known = self._tests.get(key)
        if known is not None and known[0] != mac:
            self._refuse(key)

    def take(self, at: int) -> tuple[bytes, bytes, int] | None:
        """The next test that is over and was not answered: whose, of which address, since when; None: no more."""
        while self._tests:
            key, (mac, since) = next(iter(self._tests.items()))
            if at - since < WAIT:
                return None
            del self._tests[key]
            if mac != _NOBODY:
                self._release(mac)
                return mac, key[1], since
        return None

    def _refuse(self, key: tuple[Place, bytes]) -> None:
        """Let it be nobody's until its time is over: a test that is repeated meanwhile says nothing new."""
        mac, since = self._tests[key]
        if mac != _NOBODY:
            self._release(mac)
            self._tests[key] = (_NOBODY, since)

    def _release(self, mac: bytes) -> None:
        self._by_mac[mac] -= 1
        if not self._by_mac[mac]:
            del self._by_mac[mac]
