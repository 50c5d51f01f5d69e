"""All zones that are served, kept in step with the snapshot."""

from collections.abc import Iterator, Mapping
from typing import Final

from fibrix.domain.dns import DnsSnapshot, TsigKey, Zone
from fibrix.errors import InvalidError
from fibrix.services.dns.zone import ReadyZone
from fibrix.wire.dns.names import parent
from fibrix.wire.dns.tsig import Key

EVERYTHING: Final = None
"""What changed, when it cannot be told by names."""


class Zones:
    """Finds the zone of a name. `faults` says which zones and keys cannot be used, and why."""

    def __init__(self) -> None:
        self.ready: Mapping[str, ReadyZone] = {}
        self.keys: Mapping[bytes, Key] = {}
        self.faults: Mapping[str, str] = {}
        self._known_keys: Mapping[str, TsigKey] = {}

    def update(self, snapshot: DnsSnapshot) -> Iterator[list[str] | None]:
        """Follow the snapshot. Gives way after each bit of work, with the names that changed just now, or EVERYTHING.

        Zones that can follow do so in the first bit; those made anew come into place all at once in the last.
        """
        self._take_keys(snapshot.keys)
        anew: dict[str, Zone] = {}
        changed: list[str] = []
        moved = False  # a delegation has a say in all that is below
        for name, zone in snapshot.zones.items():
            known = self.ready.get(name)
            if known is None or known.zone is not zone:
                touched = _followed(known, zone) if known is not None else None
                if known is None or touched is None:
                    anew[name] = zone
                else:
                    changed += touched
                    moved = moved or any(name in known.cuts for name in touched)
        yield EVERYTHING if moved else changed
        yield from self._make(anew, snapshot)

    def _make(self, anew: Mapping[str, Zone], snapshot: DnsSnapshot) -> Iterator[list[str] | None]:
        made: dict[str, ReadyZone] = {}
        faults: dict[str, str] = {}
        for name, zone in anew.items():
            try:
                ready = ReadyZone(zone)
            except InvalidError as exc:
                faults[name] = str(exc)
                continue
            for _ in ready.build():
                yield []
            made[name] = ready
        kept = {name: zone for name, zone in self.ready.items() if name in snapshot.zones and name not in faults}
        gone = len(kept) != len(self.ready)
        self.ready, self.faults = {**kept, **made}, faults
        yield EVERYTHING if made or gone else []

    def find(self, name: str) -> ReadyZone | None:
        """Find the zone that a name is in: that with the longest name."""
        ready = self.ready
        while True:
            zone = ready.get(name)
            if zone is not None or not name:
                return zone
            name = parent(name)

    def _take_keys(self, keys: Mapping[str, TsigKey]) -> None:
        if keys is self._known_keys:
            return
        usable = []
        for key in keys.values():
            try:
                usable.append(Key.named(key.name, key.algorithm, key.secret))
            except InvalidError:  # the region refuses such keys; who uses one is answered BADKEY
                continue
        self.keys, self._known_keys = {key.name: key for key in usable}, keys


def _followed(ready: ReadyZone, zone: Zone) -> list[str] | None:
    """Have it become the zone's next value; None: it is to be made anew, where a fault is told, too."""
    try:
        return ready.follow(zone)
    except InvalidError:
        return None
