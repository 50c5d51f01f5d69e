"""A case that tcpreplay sends over a cable, at its own pace, tells the sniffer's service what a replay of it tells."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import msgspec
import pytest

from fibrix.app import case
from fibrix.app.replay import Replay
from fibrix.bus import Bus, Subscription
from fibrix.domain.rack import RackSnapshot
from fibrix.events.base import Event
from fibrix.events.rack import HostTold
from fibrix.runtime.cell import Cell
from fibrix.runtime.vendor import vendor
from fibrix.services.sniffer.service import Sniffer, SnifferSettings
from fibrix.store.db import Database
from fibrix.store.entry import Entry
from fibrix.store.hosts import Hosts
from fibrix.wire.capture.reader import packets
from tests.captures.test_cases import CASES, facts_of, named
from tests.peers.dhcp_wire import RACK, needs_namespaces
from tests.support.netns import Wire, entered, ip, wire

pytestmark = [
    needs_namespaces,
    pytest.mark.skipif(which("tcpreplay") is None, reason="needs Debian's tcpreplay"),
]

OF_FILES = frozenset({"format", "time"})  # about forms of files, and about hours
TOGETHER = 24
AFTER_S = 8  # longer than news are gathered


def lasts_s(path: Path) -> float:
    """How long a case takes at its own pace."""
    with path.with_suffix(".pcap").open("rb") as file:
        times = [packet.at_us for packet in packets(file.read)]
    return (times[-1] - times[0]) / 1e6


LIVE = {path: lasts_s(path) for path in CASES if path.parent.name not in OF_FILES}
QUICK = [path for path, seconds in LIVE.items() if seconds < 5]
SOME = [path for path in QUICK if path in [one for one in QUICK if one.parent == path.parent][:2]]
OTHERS = [path for path in LIVE if path not in SOME and LIVE[path] < 60]
BATCHES = [OTHERS[at : at + TOGETHER] for at in range(0, len(OTHERS), TOGETHER)]


@dataclass
class Heard:
    """What the service told of one case."""

    path: Path
    told: Subscription
    replay: Replay = field(default_factory=Replay.fresh)
    entries: list[Entry] = field(default_factory=list)

    async def listen(self) -> None:
        """Take what is told, without the interfaces' names, until cancelled."""
        while True:
            for one in await self.told.batch():
                assert isinstance(one, HostTold)
                if one.host is not None:
                    self.replay.hosts[one.host.mac] = msgspec.structs.replace(one.host, interface="")
                self.entries += [Entry.of(nameless(event)) for event in one.said]

    def facts(self) -> case.Facts:
        return told_at_once(case.facts(self.replay, self.entries))


def nameless(event: Event) -> Event:
    """An event without the names of the interfaces here."""
    names = {name: "" for name in event.__struct_fields__ if name.endswith("interface")}
    return msgspec.structs.replace(event, seq=1, **names)


def told_at_once(facts: case.Facts) -> case.Facts:
    """The facts without what hangs on the second of telling: gathered news, and which address is the newest."""
    events = [one for one in facts["events"] if not one.startswith("host.changed")]
    return {"hosts": [" ".join(map(in_order, one.split(" "))) for one in facts["hosts"]], "events": events}


def in_order(word: str) -> str:
    name, _, value = word.partition("=")
    return f"{name}={','.join(sorted(value.split(',')))}" if name == "addresses" else word


@pytest.fixture
def cables() -> Iterator[Wire]:
    with wire("fxlive") as made:
        for name in (made.server, made.client):
            with entered(name):  # no kernel speaks by itself
                Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        yield made


def lay(cables: Wire, number: int) -> str:
    """One more cable, whose ends have no addresses."""
    near, far = f"s{number}", f"c{number}"
    ip("-n", cables.server, "link", "add", near, "type", "veth", "peer", "name", far, "netns", cables.client)
    ip("-n", cables.server, "link", "set", near, "up")
    ip("-n", cables.client, "link", "set", far, "up")
    return near


class Stage:
    """A cable, a service on it and a listener for each case; all of it ends with the group."""

    def __init__(self, cables: Wire, stack: AsyncExitStack, group: asyncio.TaskGroup) -> None:
        self._cables = cables
        self._stack = stack
        self._group = group
        self._tasks: list[asyncio.Task[None]] = []
        self.heard: list[Heard] = []

    async def add(self, path: Path, file: Path) -> None:
        """Have a case heard, by a service that begins with nothing known."""
        number = len(self.heard)
        interface, bus = lay(self._cables, number), Bus()
        database = await self._stack.enter_async_context(Database(file, "rack"))
        heard = Heard(path, self._stack.enter_context(bus.subscribe(HostTold)))
        snapshot = Cell(RackSnapshot(subnets=(msgspec.structs.replace(RACK, name=interface, interface=interface),)))
        sniffer = Sniffer(snapshot, Hosts(database), bus, SnifferSettings(), vendor)
        ready = asyncio.Event()
        self._tasks += [
            self._group.create_task(sniffer.run(ready), name=interface),
            self._group.create_task(heard.listen(), name=f"listen {interface}"),
        ]
        await ready.wait()
        self.heard.append(heard)

    async def play(self) -> None:
        """Have tcpreplay send each case at its own pace, at the same time."""
        async with asyncio.TaskGroup() as group:
            for number, heard in enumerate(self.heard):
                group.create_task(self._send(heard.path, f"c{number}"), name=named(heard.path))

    async def _send(self, path: Path, interface: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", self._cables.client, "tcpreplay", "--quiet"),
            f"--intf1={interface}",
            path.with_suffix(".pcap"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == 0

    def end(self) -> None:
        """Let the services end."""
        for task in self._tasks:
            task.cancel()


def wanted(path: Path) -> case.Facts:
    return told_at_once({name: facts_of(path)[name] for name in ("events", "hosts")})


async def live(cables: Wire, folder: Path, cases: Sequence[Path]) -> list[str]:
    """Play cases at once, each on a cable of its own; says which facts were not told, or told besides."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        stage = Stage(cables, stack, group)
        for number, path in enumerate(cases):
            await stage.add(path, folder / f"{number}.db")
        await stage.play()
        facts = {path: wanted(path) for path in cases}
        for _ in range(AFTER_S * 5):
            if all(one.facts() == facts[one.path] for one in stage.heard):
                break
            await asyncio.sleep(0.2)
        stage.end()
    return [line for one in stage.heard for line in differences(one, facts[one.path])]


def differences(heard: Heard, facts: case.Facts) -> Iterator[str]:
    for kind, lines in facts.items():
        told = heard.facts()[kind]
        if told != lines:
            yield from [f"{named(heard.path)} untold: {line}" for line in lines if line not in told]
            yield from [f"{named(heard.path)} told: {line}" for line in told if line not in lines]
            yield f"{named(heard.path)}: {kind} differ"


@pytest.mark.timeout(60)
async def test_some_cases_of_each_protocol_tell_the_same_live(cables: Wire, tmp_path: Path) -> None:
    assert await live(cables, tmp_path, SOME) == []


@pytest.mark.e2e
@pytest.mark.timeout(150)
@pytest.mark.parametrize("cases", BATCHES, ids=lambda cases: named(cases[0]))
async def test_all_other_cases_tell_the_same_live(cables: Wire, tmp_path: Path, cases: Sequence[Path]) -> None:
    assert await live(cables, tmp_path, cases) == []
