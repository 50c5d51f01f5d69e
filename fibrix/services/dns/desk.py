"""Where all messages come: decides, counts, keeps answers, and has questions for others forwarded."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Final, TypeAlias

import structlog

from fibrix.domain.dns import DnsSnapshot
from fibrix.runtime.cell import Cell
from fibrix.services.dns.engine import Asker, Decision, Drop, Engine, Forward, Reply
from fibrix.services.dns.forwarder import Forwarder, Question
from fibrix.services.dns.kept import KeptAnswers
from fibrix.services.dns.limit import Bucket, Buckets
from fibrix.services.dns.merge import told
from fibrix.services.dns.settings import DnsSettings
from fibrix.services.dns.zones import Zones
from fibrix.wire.dns.codes import RCODE_MASK, Flag, Rcode
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.names import encode_name

log = structlog.get_logger()

_MOST_CLIENTS: Final = 16_384
_NETWORK_BITS: Final = 8  # a bucket is for a /24

Send: TypeAlias = Callable[[bytes], None]


class Client:
    """A source address: what it may still be sent, whether it may recurse, which kept answers are for it."""

    __slots__ = ("address", "answers", "bucket", "ours", "recursion")

    def __init__(self, address: IPv4Address, bucket: Bucket, kept: KeptAnswers, *, recursion: bool, ours: bool) -> None:
        self.address = address
        self.bucket = bucket
        self.recursion = recursion
        self.ours = ours  # our own address
        self.answers = {} if ours else kept.entries


class Desk:
    """Shared by all sockets. `counts` counts faults and what was forwarded, by name."""

    def __init__(
        self, snapshot: Cell[DnsSnapshot], settings: DnsSettings, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.queries: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.clients: dict[int, Client] = {}
        self.zones = Zones()
        self.forwarder = Forwarder(snapshot, settings, clock, self.counts)
        self.kept = {True: KeptAnswers(), False: KeptAnswers()}  # for those who may recurse, and the others
        self.wall = wall
        self.clock = clock
        self._settings = settings
        self._snapshot = snapshot
        self._engine = Engine(self.zones)
        self._buckets = Buckets()
        self._recursion: tuple[IPv4Network, ...] = ()

    def follow(self) -> None:
        """Take over who may recurse."""
        snapshot = self._snapshot.value
        self._recursion = snapshot.recursion if snapshot.forwarders else ()
        self.clients.clear()
        for kept in self.kept.values():
            kept.forget(None)

    def forget(self, names: list[str] | None) -> None:
        """Forget answers that these names had a say in; None: all."""
        for kept in self.kept.values():
            kept.forget(names)

    def meet(self, source: int) -> Client:
        """Get to know an address; a number as `batch` has it."""
        octets = source.to_bytes(4, sys.byteorder)
        address = IPv4Address(octets)
        asker = self.asker(address)
        rate = self._settings.local_rate if asker.recursion else self._settings.rate
        bucket = self._buckets.of(int.from_bytes(octets) >> _NETWORK_BITS, rate, self.clock())
        if len(self.clients) >= _MOST_CLIENTS:
            self.clients.clear()
        ours = address in self._snapshot.value.listen
        client = Client(address, bucket, self.kept[asker.recursion], recursion=asker.recursion, ours=ours)
        self.clients[source] = client
        return client

    def asker(self, address: IPv4Address, *, stream: bool = False) -> Asker:
        """Say what an address may have."""
        return Asker(address, stream, any(address in network for network in self._recursion))

    def decide(self, data: bytes, asker: Asker) -> Decision:
        """Decide about a message, and count it."""
        decision = self._engine.decide(data, asker, int(self.wall()))
        if isinstance(decision, Drop):
            self.counts[decision.reason] += 1
            return decision
        self.queries[decision.kind] += 1
        if isinstance(decision, Reply):
            self.answers[decision.rcode] += 1
            if decision.malformed:
                self.counts["malformed"] += 1
                log.debug("dns.malformed", peer=str(asker.address), size=len(data), reason=decision.malformed)
            elif decision.kept:
                self.kept[asker.recursion].keep(data, decision)
        return decision

    def forward(self, asked: Forward, asker: Asker, send: Send, group: asyncio.TaskGroup) -> None:
        """Have a question answered by the forwarders, later; `send` must not block or raise."""

        def answer(heard: Heard | None, age_s: int) -> None:
            octets = told(asked, heard, age_s, stream=asker.stream)
            self.answers[Rcode(octets[3] & RCODE_MASK).name] += 1
            send(asked.seal.sign(octets, int(self.wall())))

        query = asked.query
        dnssec = query.edns is not None and query.edns.dnssec
        name = query.name.lower() if asked.chain is None else encode_name(asked.name)
        self.forwarder.resolve(Question(name, query.type, dnssec, bool(query.flags & Flag.CD)), answer, group)
