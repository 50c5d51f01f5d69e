"""Bindings outlive the process."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import resources
from ipaddress import IPv4Address
from itertools import cycle
from pathlib import Path

import pytest
from msgspec.structs import astuple, replace

from fibrix.domain.binding import Binding, BindingState, instant_us
from fibrix.domain.ports.bindings import Bindings as Port
from fibrix.errors import StoreError
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BINDING = Binding(
    number=int(IPv4Address("10.77.0.100")),
    subnet="rack",
    mac=MacAddress("52:54:00:77:00:01"),
    state=BindingState.BOUND,
    hostname="box",
    since_us=instant_us(NOW),
    until_us=instant_us(NOW + timedelta(seconds=600, microseconds=7)),
)
MOVED = replace(BINDING, number=int(IPv4Address("10.77.0.101")))
MOVES = replace(MOVED, left=BINDING.number)


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
    renewed = replace(BINDING, until_us=instant_us(NOW + timedelta(seconds=900)))
    await Bindings(rack).commit([BINDING, renewed])
    assert await Bindings(rack).all() == [renewed]


async def test_a_machine_that_moves_leaves_nothing_behind(rack: Database) -> None:
    await Bindings(rack).commit([BINDING])
    await Bindings(rack).commit([MOVES])
    assert await Bindings(rack).all() == [MOVED]


async def test_a_declined_address_is_kept_beside_the_machines_new_one(rack: Database) -> None:
    declined = replace(BINDING, state=BindingState.DECLINED)
    await Bindings(rack).commit([BINDING, declined, MOVED])
    assert sorted(await Bindings(rack).all(), key=lambda one: one.address) == [declined, MOVED]


async def test_an_expired_address_passes_to_another_machine(rack: Database) -> None:
    heir = replace(BINDING, mac=MacAddress("52:54:00:77:00:02"))
    await Bindings(rack).commit([BINDING, MOVES, heir])
    assert sorted(await Bindings(rack).all(), key=lambda one: one.address) == [heir, MOVED]


async def test_a_machine_has_one_address_in_each_subnet(rack: Database) -> None:
    elsewhere = replace(BINDING, subnet="other", number=int(IPv4Address("10.78.0.100")))
    await Bindings(rack).commit([BINDING, elsewhere])
    assert len(await Bindings(rack).all()) == 2


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        bindings = Bindings(database)
    with pytest.raises(StoreError, match="not open"):
        await bindings.commit([BINDING])


def older(path: Path, version: int, rows: Sequence[Sequence[object]]) -> None:
    """Make a database as a Fibrix of an older version of the store left it."""
    folder = resources.files("fibrix.store") / "migrations" / "rack"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        for script in sorted(folder.iterdir(), key=lambda file: file.name)[:version]:
            old.executescript(script.read_text())
            old.execute("INSERT INTO migrations VALUES (?, ?)", (int(script.name[:4]), script.name))
        old.executemany("INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        old.commit()


async def test_bindings_of_the_first_version_are_known_again(tmp_path: Path) -> None:
    times = [moment.isoformat(timespec="microseconds") for moment in (BINDING.since, BINDING.expires_at)]
    row = (str(BINDING.address), BINDING.subnet, BINDING.mac, BINDING.state.value, BINDING.hostname, *times)
    older(tmp_path / "rack.db", 1, [row])
    async with Database(tmp_path / "rack.db", "rack") as database:
        assert await Bindings(database).all() == [BINDING]


async def test_bindings_of_before_the_log_are_known_again_the_oldest_first(tmp_path: Path) -> None:
    ages = [5, 2, 9, 0, 7]
    bindings = [
        replace(BINDING, number=BINDING.number + place, since_us=BINDING.since_us - age, state=state)
        for place, (age, state) in enumerate(zip(ages, cycle(BindingState), strict=False))
    ]
    older(tmp_path / "rack.db", 3, [(*astuple(one)[:3], one.state.value, *astuple(one)[4:7]) for one in bindings])
    renewed = replace(bindings[2], until_us=BINDING.until_us + 1)
    oldest_first = sorted(bindings, key=lambda one: one.since_us)
    for _ in range(2):
        async with Database(tmp_path / "rack.db", "rack") as database:
            assert await Bindings(database).all() == oldest_first
    async with Database(tmp_path / "rack.db", "rack") as database:
        await Bindings(database).commit([renewed])
        assert await Bindings(database).all() == [*oldest_first[1:], renewed]


async def test_when_the_clock_was_set_what_is_stored_moves_and_what_is_new_does_not(rack: Database) -> None:
    day_us = 86_400 * 1_000_000
    other = replace(BINDING, number=BINDING.number + 9, mac=MacAddress("52:54:00:77:00:02"))
    await Bindings(rack).commit([BINDING])
    await Bindings(rack).commit([other], shift_us=-day_us)
    assert await Bindings(rack).all() == [BINDING.shifted(-day_us), other]


async def test_in_one_batch_an_address_passes_on_whatever_the_order_of_what_left_it(rack: Database) -> None:
    heir = replace(BINDING, mac=MacAddress("52:54:00:77:00:02"))
    back = replace(BINDING, left=MOVED.number)
    await Bindings(rack).commit([BINDING, MOVES, heir])
    assert set(await Bindings(rack).all()) == {MOVED, heir}
    await Bindings(rack).commit([replace(heir, state=BindingState.RELEASED), back])
    assert await Bindings(rack).all() == [BINDING]


async def test_what_replaces_a_binding_may_stand_in_its_place(rack: Database) -> None:
    later = BINDING.since_us + 1
    heir = replace(BINDING, mac=MacAddress("52:54:00:77:00:02"), since_us=later)
    await Bindings(rack).commit([heir, replace(MOVES, since_us=later)])
    assert set(await Bindings(rack).all()) == {heir, replace(MOVED, since_us=later)}
    back = replace(BINDING, left=MOVED.number, since_us=later + 2)
    await Bindings(rack).commit([back, replace(MOVES, since_us=later + 1)])
    assert await Bindings(rack).all() == [replace(back, left=0)]
