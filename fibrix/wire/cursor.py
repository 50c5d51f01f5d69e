"""Reading octets in order, with one stated reason when they run out."""

from fibrix.errors import MalformedPacketError


class Cursor:
    """A place in some octets that only moves forward. Numbers are big-endian, as on the wire."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        """`what` names the packet in errors: `ARP packet`."""
        self._data = data
        self._at = 0
        self._what = what

    def octets(self, count: int) -> bytes:
        """Take exactly `count` octets. Raises MalformedPacketError when there are fewer."""
        end = self._at + count
        if end > len(self._data):
            raise MalformedPacketError(f"{self._what} ends at octet {len(self._data)}, {end} are needed")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, octets: int) -> int:
        """Take an unsigned number of that many octets."""
        return int.from_bytes(self.octets(octets))

    def rest(self) -> bytes:
        """Take all that is left, which may be nothing."""
        return self.octets(self.left)

    @property
    def left(self) -> int:
        """How many octets are left."""
        return len(self._data) - self._at
