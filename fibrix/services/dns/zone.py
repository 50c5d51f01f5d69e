"""One zone, ready to be asked: which names there are, and their records as octets, made when first asked for."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from fibrix.domain.dns import Record, Zone, ZoneChange
from fibrix.errors import InvalidError
from fibrix.wire.dns.codes import RecordType
from fibrix.wire.dns.names import encode_name, is_below, parent
from fibrix.wire.dns.rdata import encode_rdata, soa_rdata

_NAMES_ONLY: Final = (RecordType.NS, RecordType.CNAME, RecordType.PTR)
_LONGEST_TTL: Final = (1 << 31) - 1  # RFC 2181 §8
_MOST_TOUCHED: Final = 2_000  # names that are put right at once; more: the zone is made anew, bit by bit


class RRset(NamedTuple):
    """The records of one name and type (RFC 2181 §5)."""

    type: int
    ttl: int
    data: tuple[bytes, ...]


Node: TypeAlias = dict[int, RRset]  # by type, in the order of the records


class ReadyZone:
    """A zone with what is derived from it. `step` has to be exhausted before it is asked anything."""

    def __init__(self, zone: Zone) -> None:
        """Raises InvalidError for names in it that are none."""
        self.zone = zone
        self.owner = encode_name(zone.name)
        self.cuts: set[str] = set()  # names below the apex with NS records: other zones begin there
        self.unusable = 0  # records whose data cannot be made
        self._above: dict[str, int] = {}  # how many names with records are under a name
        self._nodes: dict[str, Node] = {}
        self._soa = self._make_soa()

    def build(self) -> Iterator[None]:
        """Find out which names there are; gives way after each."""
        for name in self.zone.records:
            self._enter(name, 1)
            yield

    def follow(self, zone: Zone) -> list[str] | None:
        """Become the next value of the zone: the names whose records changed. None: it cannot, make it anew."""
        touched = self._touched(zone)
        if touched is None:
            return None
        before = self.zone.records
        for name in touched:
            was, now = name in before, name in zone.records
            if was != now:
                self._enter(name, 1 if now else -1)
            self._nodes.pop(name, None)
        self.zone = zone
        for name in touched:
            self._mark_cut(name)
        self._soa = self._make_soa()
        return touched

    def exists(self, name: str) -> bool:
        """Whether the name is there, be it as an empty non-terminal (RFC 8020)."""
        return name in self.zone.records or name in self._above or name == self.zone.name

    def node(self, name: str) -> Node | None:
        """Give all records of a name; None: it has none."""
        node = self._nodes.get(name)
        if node is None:
            records = self.zone.records.get(name)
            if not records and name != self.zone.name:
                return None
            node = self._nodes[name] = self._make_node(name, records or ())
        return node

    def cut_above(self, name: str) -> str | None:
        """Find the highest delegation that the name is at or under."""
        found = None
        if self.cuts:
            while name != self.zone.name:
                found = name if name in self.cuts else found
                name = parent(name)
        return found

    def wildcard(self, name: str) -> Node | None:
        """Find the source of synthesis for a name that is not there (RFC 4592 §3.3.1), None: there is none."""
        closest = parent(name)
        while not self.exists(closest):
            closest = parent(closest)
        source = f"*.{closest}" if closest else "*"
        if self.exists(source):
            return self.node(source) or {}
        return None

    @property
    def soa(self) -> RRset:
        """The zone's SOA record."""
        return self._soa

    @property
    def negative_ttl(self) -> int:
        """How long absence may be remembered: RFC 2308 §3."""
        return min(self.zone.ttl, self.zone.authority.negative_s)

    def _touched(self, zone: Zone) -> list[str] | None:
        if zone.name != self.zone.name:
            return None
        changes = changes_since(zone, self.zone.serial)
        if changes is None or (not changes and zone.records is not self.zone.records):
            return None
        names = {record.name for change in changes for record in (*change.removed, *change.added)}
        return sorted(names) if len(names) <= _MOST_TOUCHED else None

    def _enter(self, name: str, count: int) -> None:
        """Count a name in or out of those above it."""
        apex, above = self.zone.name, self._above
        self._mark_cut(name)
        if name == apex or not is_below(name, apex):
            return
        while (name := parent(name)) != apex:
            there = above.get(name, 0) + count
            if there:
                above[name] = there
            else:
                del above[name]

    def _mark_cut(self, name: str) -> None:
        if name != self.zone.name and any(record.type == "NS" for record in self.zone.records.get(name, ())):
            self.cuts.add(name)
        else:
            self.cuts.discard(name)

    def _make_node(self, name: str, records: Iterable[Record]) -> Node:
        node: Node = {RecordType.SOA: self._soa} if name == self.zone.name else {}
        for record in records:
            made = rrset_of(record)
            if made is None:
                self.unusable += 1
                continue
            kind, ttl, data = made
            known = node.get(kind)
            ttl = min(known.ttl, ttl) if known else ttl  # one TTL for all: RFC 2181 §5.2
            node[kind] = RRset(kind, ttl, (known.data if known else ()) + data)
        return node

    def _make_soa(self) -> RRset:
        self._nodes.pop(self.zone.name, None)
        authority = self.zone.authority
        times = (authority.refresh_s, authority.retry_s, authority.expire_s, authority.negative_s)
        data = soa_rdata(authority.primary, authority.mailbox, self.zone.serial, times)
        return RRset(RecordType.SOA, self.zone.ttl, (data,))


def rrset_of(record: Record) -> RRset | None:
    """Make one record's octets; None for one that cannot be, and for an SOA, which is made of the zone's fields."""
    try:
        data = encode_rdata(record.type, record.value)
    except InvalidError:
        return None
    kind = RecordType[record.type]
    if kind is RecordType.SOA or not 0 <= record.ttl <= _LONGEST_TTL:
        return None
    return RRset(kind, record.ttl, (data.lower() if kind in _NAMES_ONLY else data,))


def changes_since(zone: Zone, serial: int) -> tuple[ZoneChange, ...] | None:
    """Give the changes that lead from a serial to the zone's; None: they do not reach back so far."""
    if serial == zone.serial:
        return ()
    at = zone.serial
    for place in range(len(zone.changes) - 1, -1, -1):
        change = zone.changes[place]
        if change.after != at:
            return None
        at = change.before
        if at == serial:
            return zone.changes[place:]
    return None
