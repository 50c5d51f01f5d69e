"""Selections: the grammar, what fits, and who sees what."""

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.access import Caller, Role
from fibrix.domain.selection import Selection
from fibrix.errors import InvalidError
from fibrix.types import TenantId

ACME, GLOBEX = TenantId("t1"), TenantId("t2")


@dataclass(frozen=True)
class Happened:
    type: str = "machine.deployed"
    subject: str = "machines/m1"
    tenant: TenantId = ACME


def seen(role: Role, tenant: TenantId = ACME) -> Selection:
    return Selection().seen_by(Caller(role=role, tenant=tenant))


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("", ()),
        ("machine.deployed", ("machine.deployed",)),
        ("fibrix.machine.deployed, ssh_key.", ("machine.deployed", "ssh_key.")),
        ("fibrix.machine.*,machine.*", ("machine.",)),
        ("*", ()),
        ("fibrix.*,machine.ready", ()),
        (",,machine.ready,", ("machine.ready",)),
    ],
)
def test_types_are_read_with_or_without_prefix_and_star(text: str, types: tuple[str, ...]) -> None:
    assert Selection.of(text).types == types


@pytest.mark.parametrize("text", ["machine*", "a b", "Machine.ready", ".ready", "a..b", "*.ready", "ä", "a;b"])
def test_what_is_no_type_is_told(text: str) -> None:
    with pytest.raises(InvalidError) as told:
        Selection.of(text)
    assert told.value.pointer == "/type"


def test_too_many_types_and_odd_subjects_are_told() -> None:
    with pytest.raises(InvalidError, match="at most 50"):
        Selection.of(",".join(f"a.t{n}" for n in range(51)))
    for subject in ("a b", "x" * 201, "\x00", "ä"):
        with pytest.raises(InvalidError) as told:
            Selection.of("", subject)
        assert told.value.pointer == "/subject"


@pytest.mark.parametrize(
    ("chosen", "fits"),
    [
        (Selection(), True),
        (Selection.of("machine.deployed"), True),
        (Selection.of("machine."), True),
        (Selection.of("machine"), False),
        (Selection.of("machine.deploy"), False),
        (Selection.of("ssh_key.,machine.*"), True),
        (Selection.of("", "machines/"), True),
        (Selection.of("", "/api/v1/machines/m1"), True),
        (Selection.of("", "machines/m"), False),
        (Selection.of("", "machines"), False),
        (Selection.of(machine="m1"), True),
        (Selection.of(machine="m"), False),
        (Selection.of(tenant="t1"), True),
        (Selection.of(tenant="t2"), False),
        (Selection.of("machine.*", "machines/", "m1", "t1"), True),
        (seen(Role.TENANT, ACME), True),
        (seen(Role.TENANT, GLOBEX), False),
        (seen(Role.TENANT, TenantId("")), False),
        (seen(Role.AUDITOR, TenantId("")), True),
    ],
)
def test_an_event_fits_when_all_that_is_asked_for_is_so(chosen: Selection, *, fits: bool) -> None:
    assert chosen.fits(Happened()) is fits


def test_a_tenant_that_asks_for_another_gets_nothing() -> None:
    mine = Selection.of(tenant=GLOBEX).seen_by(Caller(role=Role.TENANT, tenant=ACME))
    assert not mine.fits(Happened(tenant=ACME))
    assert not mine.fits(Happened(tenant=GLOBEX))


def test_what_belongs_to_the_region_is_not_told_to_a_tenant() -> None:
    assert not seen(Role.TENANT).fits(Happened("controller.started", "", TenantId("")))
    assert seen(Role.OPERATOR).fits(Happened("controller.started", "", TenantId("")))


@given(st.text(), st.text())
def test_any_text_is_a_selection_or_refused(types: str, subject: str) -> None:
    with suppress(InvalidError):
        found = Selection.of(types, subject)
        assert Selection.of(",".join(found.types), found.subject) == found
