"""Tells secondaries that a zone has a new serial (RFC 1996), until they say that they know."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import Final, TypeAlias

import structlog

from fibrix.domain.dns import Secondary, Zone
from fibrix.errors import MalformedPacketError
from fibrix.services.dns.settings import DnsSettings
from fibrix.services.dns.transfer import soa_record
from fibrix.services.dns.zones import Zones
from fibrix.wire.dns.answer import AnswerWriter, Section
from fibrix.wire.dns.codes import CLASS_IN, OPCODE_SHIFT, Flag, Opcode, RecordType
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.names import encode_name
from fibrix.wire.dns.query import PAIR
from fibrix.wire.dns.tsig import Key, Signer

log = structlog.get_logger()

_MOST_OCTETS: Final = 4096
_AT_ONCE: Final = 32  # sockets

_Telling: TypeAlias = tuple[str, Secondary]


class Notifier:
    """One task for each secondary that does not know yet. `source` gives the address to tell it from, if it matters."""

    def __init__(
        self, zones: Zones, settings: DnsSettings, wall: Callable[[], float], source: Callable[[], str]
    ) -> None:
        self.sent = 0
        self.answered = 0
        self._zones = zones
        self._settings = settings
        self._wall = wall
        self._source = source
        self._told: dict[str, tuple[int, tuple[Secondary, ...]]] = {}
        self._tasks: dict[_Telling, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    def follow(self, group: asyncio.TaskGroup) -> None:
        """Tell of all serials that are new since the last call."""
        zones = {name: ready.zone for name, ready in self._zones.ready.items()}
        for name in self._told.keys() - zones.keys():
            del self._told[name]
            self._stop(name)
        for name, zone in zones.items():
            state = (zone.serial, zone.secondaries)
            if self._told.get(name) == state:
                continue
            self._told[name] = state
            self._stop(name)
            for secondary in zone.secondaries:
                task = group.create_task(self._tell(zone, secondary), name="dns.notify")
                self._tasks[name, secondary] = task

    def _stop(self, name: str) -> None:
        for telling in [telling for telling in self._tasks if telling[0] == name]:
            self._tasks.pop(telling).cancel()

    async def _tell(self, zone: Zone, secondary: Secondary) -> None:
        """Tell one until it answers. Pauses double: RFC 1996 §3.6 wants the interval stretched."""
        pause = self._settings.notify_first_s
        while True:
            async with self._room:
                if await self._told_once(zone, secondary, pause):
                    break
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._settings.notify_longest_s)
        self.answered += 1
        log.info("dns.notified", zone=zone.name, serial=zone.serial, secondary=str(secondary.address))

    async def _told_once(self, zone: Zone, secondary: Secondary, pause: float) -> bool:
        number = secrets.randbelow(1 << 16)
        message = self._signed(notify(zone, number), secondary)
        loop = asyncio.get_running_loop()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
                sock.bind((self._source(), 0))
                sock.connect((str(secondary.address), secondary.port))
                self.sent += 1
                async with asyncio.timeout(min(pause, self._settings.forward_s)):
                    await loop.sock_sendall(sock, message)
                    while not _answers(await loop.sock_recv(sock, _MOST_OCTETS), number):
                        pass
        except (OSError, TimeoutError):
            return False
        return True

    def _signed(self, message: bytes, secondary: Secondary) -> bytes:
        key: Key | None = self._zones.keys.get(encode_name(secondary.key).lower()) if secondary.key else None
        return Signer(key).sign(message, int(self._wall())) if key else message


def notify(zone: Zone, number: int) -> bytes:
    """Make the message: the zone's SOA is the question, and a hint in the answer (RFC 1996 §3.7)."""
    writer = AnswerWriter(encode_name(zone.name) + PAIR.pack(RecordType.SOA, CLASS_IN))
    writer.add(Section.ANSWER, *soa_record(zone, zone.serial))
    return writer.done(number, Opcode.NOTIFY << OPCODE_SHIFT | Flag.AA)


def _answers(data: bytes, number: int) -> bool:
    """Whether it answers the NOTIFY; a refusal is an answer too: asking again would bring the same."""
    try:
        return Heard.decode(data).id == number
    except MalformedPacketError:
        return False
