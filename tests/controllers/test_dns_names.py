"""Names of machines: there when the machine gets its address, gone when it is released, and across restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fibrix.app.dns import Dns
from fibrix.bus import Bus
from fibrix.config import subnets
from fibrix.controllers.dns.follower import NameFollower
from fibrix.controllers.dns.keeper import ServedOn, ZoneKeeper
from fibrix.controllers.dns.records import DnsController
from fibrix.controllers.dns.zones import DnsDesk
from fibrix.domain.dns import DnsSnapshot, Zone
from fibrix.domain.machine import Machine
from fibrix.domain.network import Reservation
from fibrix.domain.ports.dns import DnsRecordSpec, DnsZoneEdit, DnsZoneSpec
from fibrix.domain.ports.machines import MachineChanges
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.state import State
from fibrix.domain.zones.lookup import Outcome
from fibrix.errors import StoreError
from fibrix.events.machine import MachineAdded, StateChanged
from fibrix.events.rack import LeaseGranted
from fibrix.runtime.cell import Cell
from fibrix.types import MachineId, parse_mac
from tests.controllers.rig import Clock, Rig, rig
from tests.domain.build import machine
from tests.fakes.power import FakePower

MAC = parse_mac("52:54:00:00:00:01")
ADDRESS = IPv4Address("192.168.1.100")
A, PTR = "web-1.rack.example", "100.1.168.192.in-addr.arpa"


class Scene:
    """A region whose one subnet has a domain, and the service that follows names."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.region = rig.region
        self.seconds = 0.0
        on = tuple(replace(one, domain_name="rack.example") for one in subnets(rig.config))
        self.rack = Cell(RackSnapshot(subnets=on))
        cell = Cell(DnsSnapshot())
        self.keeper = ZoneKeeper(rig.region, cell, lambda: self.rack.value.subnets, ServedOn(), rig.clock)
        follower = NameFollower(rig.shared.bus, rig.region, self.keeper, self.rack, lambda: self.seconds)
        desk = DnsDesk(
            store=rig.region,
            keeper=self.keeper,
            look_again=follower.look_again,
            now=rig.clock,
            draw=lambda n: len(rig.region.zone_records._records) % n,
            octets=bytes,
        )
        self.dns = Dns(cell=cell, keeper=self.keeper, follower=follower, controller=DnsController(desk), service=None)

    def zone(self, name: str = "rack.example") -> Zone:
        return self.dns.cell.value.zones[name]

    def said(self, name: str = A, kind: str = "A") -> list[str]:
        return [record.value for record in self.dns.controller.lookup(name, kind).records]

    async def until(self, name: str, values: list[str], kind: str = "A") -> None:
        """Wait until a name says this."""
        async with asyncio.timeout(5):
            while self.said(name, kind) != values:
                await self.dns.cell.changed()

    async def put(self, state: State = State.READY, **fields: Any) -> Machine:
        one = replace(machine(state), name="web-1", **fields)

        def work(unit: Any) -> None:
            unit.insert(one)
            unit.append(MachineAdded(at=self.rig.clock(), machine=one.id, name=one.name, macs=one.macs))

        await self.region.change(work)
        return one

    async def goes(self, after: State) -> None:
        """The machine goes into a state, as the lifecycle has it."""

        def work(unit: Any) -> None:
            before = unit.machine(MachineId("m000000001"))
            unit.update(replace(before, state=after))
            at = self.rig.clock()
            unit.append(
                StateChanged(
                    at=at,
                    machine=before.id,
                    name=before.name,
                    before=before.state,
                    after=after,
                    trigger="t",
                    reason="r",
                )
            )

        await self.region.change(work)

    def subnet(self, **fields: Any) -> None:
        """The one subnet is changed, and handed to the rack."""
        (before,) = self.rack.value.subnets
        self.rack.replace(RackSnapshot(subnets=(replace(before, **fields),)))

    def lease(self, mac: str = MAC, address: IPv4Address = ADDRESS, lease_s: int = 600) -> None:
        bus: Bus = self.rig.shared.bus
        at = self.rig.clock()
        bus.publish(LeaseGranted(at=at, mac=parse_mac(mac), address=address, subnet="racks", lease_s=lease_s))


@asynccontextmanager
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Run it for as long as the block runs."""
    async with rig(tmp_path, Clock(), FakePower()) as opened, asyncio.TaskGroup() as group:
        made = Scene(opened)
        ready = asyncio.Event()
        task = group.create_task(made.dns.follower.run(ready), name="follower")
        await ready.wait()
        if "rack.example" not in made.dns.cell.value.zones:
            await made.dns.controller.add_zone(DnsZoneSpec(name="rack.example"))
        yield made
        task.cancel()


async def test_a_name_comes_with_the_lease_and_goes_with_the_release(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.put(State.DEPLOYING)
        before = on.zone()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        assert on.said(PTR, "PTR") == [A]
        assert len(on.zone().changes) == len(before.changes) + 1
        same = on.dns.cell.value
        on.lease()  # renewed
        await on.goes(State.DEPLOYED)
        await on.goes(State.RELEASING)
        await on.until(A, [])
        assert same.zones["rack.example"] is not on.zone()
        assert on.dns.controller.lookup(PTR, "PTR").outcome is Outcome.NO_SUCH_NAME
        on.lease()  # it boots to be wiped
        await on.goes(State.READY)
        on.lease(address=IPv4Address("192.168.1.101"))
        await on.until(A, ["192.168.1.101"])


async def test_a_name_goes_when_its_lease_is_over_and_follows_a_new_one(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.put()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        on.lease(address=IPv4Address("192.168.1.102"))
        await on.until(A, ["192.168.1.102"])
        assert on.said(PTR, "PTR") == []
        on.lease("52:54:00:00:00:99", IPv4Address("192.168.1.102"))  # a stranger has it now
        await on.until(A, [])
        on.lease()
        await on.until(A, ["192.168.1.100"])
        on.seconds += 601
        await on.dns.follower.tick()
        assert on.said() == []


async def test_a_lease_of_a_stranger_counts_once_it_is_a_machine(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.lease()
        await on.put()
        await on.until(A, ["192.168.1.100"])


async def test_a_renamed_and_a_deleted_machine(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        made = await on.put()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        await on.rig.machines.update(made.id, MachineChanges(name="web-2"))
        await on.until("web-2.rack.example", ["192.168.1.100"])
        assert on.said() == []
        assert on.said(PTR, "PTR") == ["web-2.rack.example"]
        await on.rig.machines.delete(made.id)
        await on.until("web-2.rack.example", [])
        assert on.said(PTR, "PTR") == []


async def test_a_reservation_counts_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.put(State.NEW)
        kept = Reservation(mac=MAC, address=IPv4Address("192.168.1.10"))
        on.subnet(reservations=(kept,))
        await on.until(A, ["192.168.1.10"])
        await on.goes(State.RETIRED)
        await on.until(A, [])
        await on.goes(State.NEW)
        await on.until(A, ["192.168.1.10"])
        on.subnet(reservations=())
        await on.until(A, [])


async def test_names_follow_the_domain_of_their_subnet(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.put()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        on.subnet(domain_name="dc1.rack.example")
        await on.until("web-1.dc1.rack.example", ["192.168.1.100"])
        assert on.said() == []
        on.subnet(domain_name="")
        await on.until("web-1.dc1.rack.example", [])


async def test_a_machine_that_nobody_accepted_has_no_name(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.put(State.NEW, accepted=False)
        on.lease()
        await asyncio.sleep(0.05)
        assert on.said() == []


async def test_names_are_there_again_at_the_start_and_a_secondary_can_go_on(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.put()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        before = on.zone()
    async with scene(tmp_path) as on:
        assert on.said() == ["192.168.1.100"]
        assert on.zone() == before
        on.seconds += 601
        await on.dns.follower.tick()
        assert on.said() == []
        assert on.zone().changes[-1].before == before.serial


async def test_what_changed_while_it_was_stopped_is_one_change(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        made = await on.put()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        before = on.zone()
    async with rig(tmp_path, Clock(), FakePower()) as opened:
        await opened.region.change(lambda unit: unit.delete(made.id))
    async with scene(tmp_path) as on:
        assert on.said() == []
        assert on.zone().changes[-1].before == before.serial
        assert [record.name for record in on.zone().changes[-1].removed] == [A]


async def test_what_could_not_be_stored_is_not_told_and_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(tmp_path) as on:
        await on.put()
        serial = on.zone().serial
        with monkeypatch.context() as broken:

            def refuse(*_: object) -> None:
                raise StoreError("the disk is full")

            broken.setattr(on.region.served, "publish", refuse)
            on.lease()
            await asyncio.sleep(0.1)
            assert on.keeper.stale
            assert (on.said(), on.zone().serial) == ([], serial)
        await on.dns.follower.tick()
        assert on.said() == ["192.168.1.100"]


async def test_ten_thousand_other_names_stay_where_they_are(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        records = on.region.zone_records
        made = [on.dns.controller._checked("rack.example", f"d{n}", spec(n)) for n in range(10_000)]

        def add(unit: Any) -> None:
            for record in made:
                unit.insert_record(record)

        await on.region.change(add)
        assert len(list(records.owners("rack.example"))) == 10_000
        await on.dns.follower.look_again()
        await on.put()
        shared = on.zone().records["h1.rack.example"]
        for n in range(20):
            on.lease(address=IPv4Address("192.168.1.110") + n % 2)
            await on.until(A, [str(IPv4Address("192.168.1.110") + n % 2)])
        assert on.zone().records["h1.rack.example"] is shared


def spec(n: int) -> DnsRecordSpec:
    return DnsRecordSpec(name=f"h{n}", type="A", value=f"10.0.{n // 256}.{n % 256}")


async def test_a_zone_that_goes_and_comes_again_has_a_newer_serial(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        for ttl in (1, 2, 3):
            await on.dns.controller.edit_zone("rack.example", DnsZoneEdit(ttl=ttl))
        before = on.zone()
        await on.dns.controller.delete_zone("rack.example")
        assert "rack.example" not in on.dns.cell.value.zones
        await on.dns.controller.add_zone(DnsZoneSpec(name="rack.example"))
        assert on.zone().serial == before.serial + 1
        assert on.zone().changes == ()


async def test_events_that_were_missed_are_made_up_for(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        made = await on.put()
        on.lease()
        await on.until(A, ["192.168.1.100"])
        await on.region.change(lambda unit: unit.update(replace(unit.machine(made.id), name="web-9")))
        on.keeper.stale = True
        await on.dns.follower.tick()
        assert on.said("web-9.rack.example") == ["192.168.1.100"]
        assert on.said() == []
