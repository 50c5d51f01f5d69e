"""Answers the IPv6 router solicitations of machines that boot from the network, so that iPXE does not wait in vain."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from fibrix.bus import Bus
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.events.base import Event
from fibrix.events.rack import DiscoverSeen
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.listener import listen
from fibrix.services.ndp.engine import ANSWER, Engine, Verdict
from fibrix.services.ndp.sockets import Heard, RouterSocket

log = structlog.get_logger()

_CHECK_S: Final = 2.0  # how often an interface that is not there is tried, and one that is there is looked at
_DRAIN: Final = 64  # messages taken per wake-up, before others get their turn
_UNSPECIFIED: Final = "::"


class NdpService:
    """On every interface of a subnet whose machines boot from us. `counts` counts verdicts and faults by name."""

    name = "ndp"

    def __init__(self, snapshot: Cell[RackSnapshot], bus: Bus, clock: Callable[[], float] = monotonic_s) -> None:
        self.counts: Counter[str] = Counter()
        self.closed: dict[str, str] = {}  # interfaces without IPv6, with the reason
        self._snapshot = snapshot
        self._bus = bus
        self._clock = clock
        self._engines: dict[str, Engine] = {}
        self._sockets: dict[str, RouterSocket] = {}

    async def run(self, ready: asyncio.Event) -> None:
        """Answer until cancelled. `ready` once each interface was tried."""
        with self._bus.subscribe(DiscoverSeen, name=self.name) as subscription:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(listen(subscription, self._note), name="ndp.booting")
                    await self._keep_open(ready)
            finally:
                for interface in list(self._sockets):
                    self._close(interface)

    async def _note(self, event: Event) -> None:
        """Hear of a machine that boots from the network."""
        if isinstance(event, DiscoverSeen) and event.network_boot and (engine := self._engines.get(event.interface)):
            engine.boots(event.mac, self._clock())

    async def _keep_open(self, ready: asyncio.Event) -> None:
        """Open and close sockets as the snapshot and the interfaces change."""
        while True:
            wanted = {subnet.interface for subnet in self._snapshot.value.subnets if subnet.boots}
            for interface, router in list(self._sockets.items()):
                if interface not in wanted or router.gone():
                    self._close(interface)
            for interface in sorted(wanted - self._sockets.keys()):
                self._open(interface)
            ready.set()
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._snapshot.changed()
            except TimeoutError:
                continue

    def _open(self, interface: str) -> None:
        """Without IPv6 there is nobody to be answered: that is said once, and no fault."""
        try:
            router = RouterSocket(interface)
        except OSError as exc:
            if self.closed.get(interface) != str(exc):
                log.info("ndp.not_answering", interface=interface, reason=str(exc), retry_s=_CHECK_S)
            self.closed[interface] = str(exc)
            return
        self.closed.pop(interface, None)
        self._engines[interface] = Engine()
        self._sockets[interface] = router
        asyncio.get_running_loop().add_reader(router, self._drain, interface)

    def _close(self, interface: str) -> None:
        router = self._sockets.pop(interface)
        del self._engines[interface]
        asyncio.get_running_loop().remove_reader(router)
        router.close()

    def _drain(self, interface: str) -> None:
        router = self._sockets[interface]
        try:
            for _ in range(_DRAIN):
                self._take(interface, router, router.receive())
        except BlockingIOError:
            return
        except OSError as exc:
            self.counts["failed"] += 1
            log.info("ndp.failed", interface=interface, reason=str(exc))
            self._close(interface)

    def _take(self, interface: str, router: RouterSocket, heard: Heard) -> None:
        try:
            verdict = self._engines[interface].receive(heard.message, heard.hop_limit, self._clock())
        except MalformedPacketError as exc:
            self.counts["malformed"] += 1
            log.debug("ndp.malformed", interface=interface, source=heard.source, reason=str(exc))
            return
        if verdict is Verdict.ANSWERED and heard.source != _UNSPECIFIED:
            try:
                router.send(ANSWER, heard.source)
            except OSError as exc:  # our own address is still being looked at for a double; the machine asks again
                self.counts["unsent"] += 1
                log.debug("ndp.unsent", interface=interface, source=heard.source, reason=str(exc))
                return
            log.debug("ndp.answered", interface=interface, source=heard.source)
        self.counts[verdict.value] += 1
