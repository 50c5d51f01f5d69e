"""The region's store as the controllers use it."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from fibrix.bus import Bus
from fibrix.domain.network import Reservation
from fibrix.domain.ports.keys import SshKey
from fibrix.errors import NotFoundError
from fibrix.store.region import RegionUnit, open_region
from fibrix.types import MacAddress, RunId, TenantId
from tests.store.events import added
from tests.store.test_machines import machine
from tests.store.test_runs import BOX, run

MAC = MacAddress("52:54:00:00:00:01")


def populate(unit: RegionUnit) -> None:
    unit.insert(machine(1))
    unit.update(machine(1))
    unit.seal_password(BOX, "calvin")
    unit.insert_run(run(1))
    unit.update_run(unit.runs(BOX)[0])
    unit.append_output(RunId("r1"), 0, b"out")
    unit.insert_reservation("rack", Reservation(mac=MAC, address=IPv4Address("192.168.1.20")))
    unit.insert_ssh_key(SshKey(name="a", key="k", fingerprint="f"))
    unit.append(added("a"))


async def test_one_unit_changes_all_tables_and_it_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        await region.change(populate)
    async with open_region(tmp_path, Bus()) as region:
        assert region.machine(BOX) == region.find("box1") == region.by_mac(MAC) == region.machines()[0]
        assert region.machine(BOX).revision == 2
        assert region.password(BOX) == "calvin"
        assert [r.id for r in await region.runs(BOX)] == ["r1"]
        assert await region.output(RunId("r1")) == b"out"
        assert len(region.reservations("rack")) == len(region.ssh_keys.all()) == 1
        assert region.journal.head == 1


async def test_a_unit_that_fails_changes_none(tmp_path: Path) -> None:
    def faulty(unit: RegionUnit) -> None:
        populate(unit)
        raise LookupError

    async with open_region(tmp_path, Bus()) as region:
        with pytest.raises(LookupError):
            await region.change(faulty)
        assert (region.machines(), region.password(BOX), region.journal.head) == ((), "", 0)
        assert not [*region.reservations("rack"), *region.ssh_keys.all()]


async def test_deleting_a_machine_deletes_its_runs_and_its_secret(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        await region.change(populate)
        await region.change(lambda unit: unit.delete(BOX))
        assert (region.machines(), region.password(BOX), await region.runs(BOX)) == ((), "", [])
        with pytest.raises(NotFoundError):
            await region.change(lambda unit: unit.machine(BOX))


async def test_reservations_and_keys_can_be_taken_back(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        await region.change(populate)
        await region.change(lambda unit: unit.delete_reservation("rack", MAC))
        await region.change(lambda unit: unit.delete_ssh_key(TenantId(""), "a"))
        assert not [*region.reservations("rack"), *region.ssh_keys.all()]
