"""Machines in the store: unique names and MACs, changes that build on one another, a read model that follows."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.machine import Machine
from fibrix.domain.state import State
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.db import Database
from fibrix.store.machines import Machines
from fibrix.store.transaction import Transaction
from fibrix.types import MacAddress, MachineId, TenantId, parse_mac
from tests.store.events import NOON


def machine(number: int, *, name: str = "", mac: str = "") -> Machine:
    return Machine(
        id=MachineId(f"m00000000{number}"),
        name=name or f"box{number}",
        since=NOON,
        reason="it was added",
        macs=(parse_mac(mac or f"52:54:00:00:00:0{number}"),),
        created_at=NOON + timedelta(seconds=number),
    )


async def insert(db: Database, machines: Machines, *boxes: Machine) -> None:
    def work(tx: Transaction) -> None:
        for box in boxes:
            machines.insert(tx, box)

    await db.write(work)


@pytest.fixture
async def machines(db: Database) -> Machines:
    return await Machines.load(db)


async def test_a_machine_is_found_by_id_name_and_mac(db: Database, machines: Machines) -> None:
    one = machine(1)
    await db.write(lambda tx: machines.insert(tx, one))
    for key in ("m000000001", "box1", "52:54:00:00:00:01", "52-54-00-00-00-01", "5254.0000.0001"):
        assert machines.find(key) == one
    assert machines.by_mac(MacAddress("52:54:00:00:00:01")) == one
    assert machines.by_mac(MacAddress("52:54:00:00:00:02")) is None


@pytest.mark.parametrize("key", ["", "box2", "52:54:00:00:00:02", "m000000002"])
async def test_an_unknown_machine_is_not_found(db: Database, machines: Machines, key: str) -> None:
    await db.write(lambda tx: machines.insert(tx, machine(1)))
    with pytest.raises(NotFoundError, match="no machine"):
        machines.find(key)
    with pytest.raises(NotFoundError, match="no machine"):
        machines.get(MachineId(key))


async def test_a_name_in_use_is_refused_and_its_owner_named(db: Database, machines: Machines) -> None:
    await db.write(lambda tx: machines.insert(tx, machine(1, name="web")))
    with pytest.raises(ConflictError, match="'web' is in use by machine m000000001"):
        await db.write(lambda tx: machines.insert(tx, machine(2, name="web")))
    assert [m.id for m in machines.all()] == ["m000000001"]


async def test_a_mac_in_use_is_refused_and_its_owner_named(db: Database, machines: Machines) -> None:
    await db.write(lambda tx: machines.insert(tx, machine(1)))
    with pytest.raises(ConflictError, match="52:54:00:00:00:01 belongs to machine box1"):
        await db.write(lambda tx: machines.insert(tx, machine(2, mac="52:54:00:00:00:01")))
    assert await db.rows("SELECT count(*) FROM machines") == [(1,)]


async def test_an_update_builds_on_those_before_it_in_the_same_unit(db: Database, machines: Machines) -> None:
    def work(tx: Transaction) -> None:
        machines.insert(tx, machine(1))
        machines.update(tx, MachineId("m000000001"), lambda m: replace(m, reason=m.reason + " once"))
        machines.update(tx, MachineId("m000000001"), lambda m: replace(m, reason=m.reason + " twice"))

    await db.write(work)
    found = machines.find("box1")
    assert (found.reason, found.revision) == ("it was added once twice", 3)


async def test_a_unit_that_fails_leaves_the_read_model_as_it_was(db: Database, machines: Machines) -> None:
    def work(tx: Transaction) -> None:
        machines.update(tx, MachineId("m000000001"), lambda m: replace(m, name="other", state=State.BROKEN))
        raise LookupError

    await db.write(lambda tx: machines.insert(tx, machine(1)))
    with pytest.raises(LookupError):
        await db.write(work)
    assert machines.find("box1").state is State.NEW
    with pytest.raises(NotFoundError):
        machines.find("other")


async def test_a_new_name_and_new_macs_replace_the_old_ones(db: Database, machines: Machines) -> None:
    new = parse_mac("52:54:00:00:00:09")
    await db.write(lambda tx: machines.insert(tx, machine(1)))
    await db.write(lambda tx: machines.update(tx, MachineId("m000000001"), lambda m: replace(m, name="b", macs=(new,))))
    await db.write(lambda tx: machines.insert(tx, machine(2, name="box1", mac="52:54:00:00:00:01")))
    assert machines.find(new).name == "b"
    assert machines.find("box1").id == machines.find("52:54:00:00:00:01").id == "m000000002"


async def test_two_machines_may_swap_their_names_in_one_unit(db: Database, machines: Machines) -> None:
    def swap(tx: Transaction) -> None:
        for number, name in ((1, "x"), (2, "box1"), (1, "box2")):
            machines.update(tx, MachineId(f"m00000000{number}"), partial(replace, name=name))

    await insert(db, machines, machine(1), machine(2))
    await db.write(swap)
    assert (machines.find("box1").id, machines.find("box2").id) == ("m000000002", "m000000001")


async def test_a_deleted_machine_frees_its_name_and_macs(db: Database, machines: Machines) -> None:
    await db.write(lambda tx: machines.insert(tx, machine(1)))
    await db.write(lambda tx: machines.delete(tx, MachineId("m000000001")))
    await db.write(lambda tx: machines.insert(tx, machine(1)))
    with pytest.raises(NotFoundError):
        await db.write(lambda tx: machines.delete(tx, MachineId("m000000002")))


async def test_reading_in_a_unit_sees_what_it_wrote(db: Database, machines: Machines) -> None:
    def work(tx: Transaction) -> Machine:
        machines.insert(tx, machine(1))
        return machines.read(tx, MachineId("m000000001"))

    assert await db.write(work) == machine(1)


async def test_machines_come_back_the_same_oldest_first(tmp_path: Path) -> None:
    boxes = [replace(machine(n), state=State.TESTING, deadline=NOON) for n in (3, 1, 2)]
    async with Database(tmp_path / "region.db", "region") as db:
        machines = await Machines.load(db)
        await insert(db, machines, *boxes)
    async with Database(tmp_path / "region.db", "region") as db:
        assert list((await Machines.load(db)).all()) == sorted(boxes, key=lambda m: m.id)
        assert await db.rows("SELECT DISTINCT deadline, state FROM machines") == [
            ("2026-01-31T12:00:00.000000+00:00", "Testing")
        ]


async def test_a_transaction_reads_the_machines_of_a_state_and_of_a_tenant_with_its_own_changes(
    db: Database, machines: Machines
) -> None:
    acme = TenantId("t000000001")
    ready = [replace(machine(n), state=State.READY) for n in (3, 1, 2)]
    await insert(db, machines, *ready, machine(4))

    def work(tx: Transaction) -> tuple[list[str], list[str], list[str]]:
        machines.update(tx, ready[0].id, lambda m: replace(m, tenant=acme, state=State.ALLOCATED))
        machines.update(tx, ready[1].id, lambda m: replace(m, tenant=acme))
        chosen = [(State.READY, None), (None, acme), (State.READY, acme)]
        first, second, third = ([m.name for m in machines.chosen(tx, *each)] for each in chosen)
        return first, second, third

    assert await db.write(work) == (["box1", "box2"], ["box1", "box3"], ["box1"])
