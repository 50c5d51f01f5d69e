"""What tenants use, and what a quota refuses."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.account import Quota
from fibrix.domain.machine import Disk, Hardware, Machine
from fibrix.domain.network import Reservation
from fibrix.domain.quota import Use, check, sizes, use_of
from fibrix.errors import QuotaError
from fibrix.types import MachineId, TenantId, parse_mac
from tests.domain.build import machine

ACME = TenantId("t000000001")
HARDWARE = Hardware(
    cpu_count=8,
    memory_bytes=64 << 30,
    disks=(Disk(name="sda", size_bytes=1 << 40), Disk(name="sr0", size_bytes=1 << 30, removable=True)),
)


def numbered(number: int, **fields: object) -> Machine:
    """A machine of ACME with a MAC of its own."""
    plain = replace(machine(), id=MachineId(f"m{number:09}"), tenant=ACME, macs=(parse_mac(f"52540000{number:04x}"),))
    return replace(plain, **fields)


def reserved(number: int, address: str) -> Reservation:
    return Reservation(mac=parse_mac(f"52540000{number:04x}"), address=IPv4Address(address))


def test_machines_of_others_do_not_count_and_disks_that_can_be_taken_out_neither() -> None:
    machines = [numbered(1, hardware=HARDWARE), numbered(2, hardware=HARDWARE, tenant=TenantId(""))]
    assert use_of(ACME, machines, ()) == Use(
        machines=1, cores=8, memory_bytes=64 << 30, disk_bytes=1 << 40, addresses=1
    )


def test_a_machine_without_inventory_counts_as_a_machine_with_an_address() -> None:
    assert sizes([numbered(1)], ()) == Use(machines=1, addresses=1)


@pytest.mark.parametrize(
    ("address", "reservations", "addresses"),
    [
        ("", (), 1),
        ("10.0.0.1", (), 1),
        ("10.0.0.1", (reserved(1, "10.0.0.1"),), 1),
        ("10.0.0.1", (reserved(1, "10.0.0.2"),), 2),
        ("", (reserved(1, "10.0.0.2"), reserved(1, "10.1.0.2")), 2),
        ("", (reserved(7, "10.0.0.2"),), 1),
    ],
)
def test_addresses_are_those_that_are_leased_or_reserved_one_at_least(
    address: str, reservations: tuple[Reservation, ...], addresses: int
) -> None:
    assert sizes([numbered(1, address=address)], reservations).addresses == addresses


def test_a_refusal_says_which_figures_and_how_much_is_used_asked_and_allowed() -> None:
    quota = Quota(machines=2, memory_bytes=100 << 30, cores=100)
    with pytest.raises(QuotaError) as refused:
        check(quota, Use(machines=2, cores=16, memory_bytes=64 << 30), Use(machines=1, cores=8, memory_bytes=48 << 30))
    assert str(refused.value) == (
        "the quota does not allow it: machines: 2 used, 1 asked, 2 allowed; "
        "memory: 64 GiB used, 48 GiB asked, 100 GiB allowed"
    )


def test_what_was_used_before_the_quota_was_lowered_stays_and_asks_for_nothing() -> None:
    check(Quota(cores=4), Use(cores=16), Use(machines=1))


FIGURES = ("machines", "cores", "memory_bytes", "disk_bytes", "addresses")
numbers = st.integers(0, 1 << 50)
uses = st.builds(Use, **dict.fromkeys(FIGURES, numbers))
quotas = st.builds(Quota, **{figure: st.none() | numbers for figure in FIGURES})


@given(quotas, uses, uses)
def test_nothing_that_passes_is_more_than_the_quota(quota: Quota, use: Use, asked: Use) -> None:
    over = {
        figure
        for figure in FIGURES
        if (limit := getattr(quota, figure)) is not None
        and getattr(asked, figure)
        and getattr(use, figure) + getattr(asked, figure) > limit
    }
    try:
        check(quota, use, asked)
    except QuotaError:
        assert over
    else:
        assert not over
