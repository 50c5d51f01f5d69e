"""What a change leads to, in words."""

import pytest
from msgspec.structs import replace

from fibrix.domain.access import Role
from fibrix.domain.account import User
from fibrix.domain.enter import content, enter
from fibrix.domain.foresee import HIDDEN, foresee, foresee_thing
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.lifecycle import step
from fibrix.domain.losses import installed, wiped
from fibrix.domain.machine import Disk, Hardware, Machine
from fibrix.domain.power import PowerKind, PowerState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.types import BootId, TenantId, UserId
from tests.domain.build import T0, boot, deployment, machine

ANN = User(id=UserId("u1"), name="ann", role=Role.OPERATOR, password_hash="$argon2id$old", created_at=T0)


def told(before: Machine | None, after: Machine | None) -> dict[str, Foreseen]:
    return {seen.what: seen for seen in foresee(before, after)}


def taken(before: Machine, trigger: Trigger) -> dict[str, Foreseen]:
    edge = step(before.state, trigger, content(before))
    return told(before, enter(before, edge, reason="so", now=T0, limit_s=60, boot=BootId("b2")))


@pytest.mark.parametrize(
    ("kind", "power", "words"),
    [
        (PowerKind.IPMI, PowerState.ON, "switched off and on again; not, if it waits in iPXE"),
        (PowerKind.IPMI, PowerState.OFF, "switched on, by network boot"),
        (PowerKind.IPMI, PowerState.UNKNOWN, "nothing before its power state can be read"),
        (PowerKind.WOL, PowerState.UNKNOWN, "woken by Wake-on-LAN"),
        (PowerKind.MANUAL, PowerState.OFF, "a person is asked"),
    ],
)
def test_a_boot_tells_what_is_done_about_the_power(kind: PowerKind, power: PowerState, words: str) -> None:
    seen = taken(replace(machine(State.NEW, kind=kind), power_state=power), Trigger.COMMISSION)
    assert words in seen["power"].detail
    assert (seen["power"].before, seen["power"].after) == (power.value, "on")
    assert (seen["state"].before, seen["state"].after, seen["state"].detail) == ("New", "Commissioning", "so")
    assert (seen["dhcp"].before, seen["dhcp"].after) == ("it waits in iPXE", "the ephemeral OS")


@pytest.mark.parametrize("power", PowerState)
def test_an_abort_switches_off_what_is_not_off(power: PowerState) -> None:
    before = replace(machine(State.COMMISSIONING, boot=boot()), power_state=power)
    seen = taken(before, Trigger.ABORT)
    assert ("power" in seen) == (power is not PowerState.OFF)
    assert seen["dhcp"].after == "it waits in iPXE"


def test_what_changes_nothing_is_not_told() -> None:
    one = machine(State.READY)
    assert not list(foresee(one, replace(one, revision=2, power_detail="read again", address="10.0.0.2")))
    assert not list(foresee(None, None))


def test_edited_fields_are_told_with_both_values_and_groups_by_their_parts() -> None:
    before = machine(State.READY)
    after = replace(before, name="box2", tags=("ssd", "x"), power=replace(before.power, username="root"))
    seen = told(before, after)
    assert set(seen) == {"name", "tags", "power.username", "dns"}
    assert (seen["tags"].before, seen["tags"].after) == ("", "ssd, x")
    assert (seen["power.username"].after, seen["name"].after) == ("root", "box2")
    assert "while it has an address" in seen["dns"].detail


def test_a_machine_that_changes_hands_tells_what_counts() -> None:
    before = replace(machine(State.READY), hardware=Hardware(cpu_count=4, memory_bytes=8 << 30))
    seen = told(before, replace(before, tenant=TenantId("t1")))
    assert (seen["tenant"].before, seen["tenant"].after) == ("", "t1")
    assert "4 cores" in seen["tenant"].detail


def test_a_new_machine_has_no_id_yet_and_one_that_goes_is_unknown_afterwards() -> None:
    one = machine()
    assert told(None, one)["machine"].subject == "machines"
    gone = told(one, None)
    assert gone["machine"].subject == f"machines/{one.id}"
    assert gone["dhcp"].after == "as an unknown machine"


def test_a_secret_field_is_named_and_not_shown() -> None:
    after = replace(ANN, name="anne", password_hash="$argon2id$new", revision=2)
    seen = list(foresee_thing("user", "users", ANN, after, {"name"}))
    assert [(s.what, s.before, s.after) for s in seen] == [("name", "ann", "anne"), ("password_hash", HIDDEN, HIDDEN)]
    assert {s.subject for s in seen} == {"users/u1"}


def test_things_come_and_go_by_name() -> None:
    assert list(foresee_thing("user", "users", None, ANN, ())) == [
        Foreseen(what="user", subject="users", after="there", detail="ann")
    ]
    assert list(foresee_thing("user", "users", ANN, None, ())) == [
        Foreseen(what="user", subject="users/u1", before="there", detail="ann")
    ]
    assert not list(foresee_thing("user", "users", None, None, ()))


DISKS = (
    Disk(name="sda", size_bytes=300),
    Disk(name="sdb", size_bytes=200),
    Disk(name="sdc", size_bytes=50),
    Disk(name="sdd", size_bytes=250, removable=True),
)


@pytest.mark.parametrize(
    ("named", "size", "chosen"),
    [("", 100, "sdb"), ("sda", 100, "sda"), ("", 250, "sda"), ("", 40, "sdc"), ("", 999, "")],
)
def test_the_image_goes_to_the_named_disk_or_the_smallest_that_is_large_enough(
    named: str, size: int, chosen: str
) -> None:
    one = replace(machine(), hardware=Hardware(disks=DISKS))
    seen = installed(one, replace(deployment(), disk=named, size_bytes=size))
    assert seen.after == (f"debian-12 on {chosen}" if chosen else "debian-12")


def test_a_wipe_names_the_fixed_disks_and_what_they_held() -> None:
    one = replace(machine(), hardware=Hardware(disks=DISKS), deployment=deployment(reported=True))
    seen = wiped(one, "", "disk-wipe-quick")
    assert (seen.before, seen.after) == ("debian-12", "overwritten by disk-wipe-quick")
    assert seen.detail == "sda (300 bytes), sdb (200 bytes), sdc (50 bytes)"
    assert wiped(one, "sdb", "x").detail == "sdb (200 bytes)"
    assert "none is known" in wiped(machine(), "", "x").detail
