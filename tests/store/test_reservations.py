"""Reservations: one address, one MAC."""

from ipaddress import IPv4Address

import pytest

from fibrix.domain.network import Reservation
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.db import Database
from fibrix.store.reservations import Reservations
from fibrix.types import MacAddress, parse_mac


def reservation(mac: int, address: int) -> Reservation:
    return Reservation(
        mac=parse_mac(f"52:54:00:00:00:0{mac}"), address=IPv4Address(f"192.168.1.{address}"), hostname="web"
    )


@pytest.fixture
async def reservations(db: Database) -> Reservations:
    reservations = await Reservations.load(db)
    await db.write(lambda tx: reservations.insert(tx, "rack", reservation(1, 20)))
    return reservations


async def test_reservations_come_by_address_and_come_back(db: Database, reservations: Reservations) -> None:
    await db.write(lambda tx: reservations.insert(tx, "rack", reservation(2, 9)))
    assert reservations.of_subnet("rack") == (reservation(2, 9), reservation(1, 20))
    assert (await Reservations.load(db)).of_subnet("rack") == reservations.of_subnet("rack")
    assert reservations.of_subnet("other") == ()


@pytest.mark.parametrize(("mac", "address"), [(1, 21), (2, 20)])
async def test_a_mac_or_an_address_is_reserved_once(
    db: Database, reservations: Reservations, mac: int, address: int
) -> None:
    with pytest.raises(ConflictError, match=r"192\.168\.1\.20 is reserved for 52:54:00:00:00:01"):
        await db.write(lambda tx: reservations.insert(tx, "rack", reservation(mac, address)))
    await db.write(lambda tx: reservations.insert(tx, "other", reservation(mac, address)))


async def test_an_address_that_was_given_back_is_free(db: Database, reservations: Reservations) -> None:
    mac = MacAddress("52:54:00:00:00:01")
    await db.write(lambda tx: reservations.delete(tx, "rack", mac))
    assert reservations.of_subnet("rack") == ()
    with pytest.raises(NotFoundError, match="nothing is reserved"):
        await db.write(lambda tx: reservations.delete(tx, "rack", mac))
