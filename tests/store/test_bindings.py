"""Bindings outlive the process."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.lease import Binding, BindingState
from fibrix.domain.ports.bindings import Bindings as Port
from fibrix.errors import StoreError
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BINDING = Binding(
    address=IPv4Address("10.77.0.100"),
    subnet="rack",
    mac=MacAddress("52:54:00:77:00:01"),
    state=BindingState.BOUND,
    hostname="box",
    since=NOW,
    expires_at=NOW + timedelta(seconds=600, microseconds=7),
)
MOVED = replace(BINDING, address=IPv4Address("10.77.0.101"))


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "rack.db", "rack") as database:
        yield database


async def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        await Bindings(database).commit([BINDING])
    async with Database(tmp_path / "rack.db", "rack") as database:
        assert await Bindings(database).all() == [BINDING]


async def test_it_fits_the_port_that_the_service_knows(rack: Database) -> None:
    port: Port = Bindings(rack)
    assert await port.all() == []


async def test_a_renewal_replaces_what_was_there(rack: Database) -> None:
    renewed = replace(BINDING, expires_at=NOW + timedelta(seconds=900))
    await Bindings(rack).commit([BINDING, renewed])
    assert await Bindings(rack).all() == [renewed]


async def test_a_machine_that_moves_leaves_nothing_behind(rack: Database) -> None:
    await Bindings(rack).commit([BINDING])
    await Bindings(rack).commit([MOVED])
    assert await Bindings(rack).all() == [MOVED]


async def test_a_declined_address_is_kept_beside_the_machines_new_one(rack: Database) -> None:
    declined = replace(BINDING, state=BindingState.DECLINED)
    await Bindings(rack).commit([BINDING, declined, MOVED])
    assert sorted(await Bindings(rack).all(), key=lambda one: one.address) == [declined, MOVED]


async def test_an_expired_address_passes_to_another_machine(rack: Database) -> None:
    heir = replace(BINDING, mac=MacAddress("52:54:00:77:00:02"))
    await Bindings(rack).commit([BINDING, MOVED, heir])
    assert sorted(await Bindings(rack).all(), key=lambda one: one.address) == [heir, MOVED]


async def test_a_machine_has_one_address_in_each_subnet(rack: Database) -> None:
    elsewhere = replace(BINDING, subnet="other", address=IPv4Address("10.78.0.100"))
    await Bindings(rack).commit([BINDING, elsewhere])
    assert len(await Bindings(rack).all()) == 2


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        bindings = Bindings(database)
    with pytest.raises(StoreError, match="not open"):
        await bindings.commit([BINDING])
