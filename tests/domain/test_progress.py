"""What is awaited, until when, and why a boot is given up."""

import pytest
from msgspec.structs import replace

from fibrix.domain.machine import Boots, Stage
from fibrix.domain.power import PowerKind
from fibrix.domain.progress import Limits, awaited, gives_up_at, last_seen, overdue, reach
from fibrix.domain.state import State
from tests.domain.build import at, boot, machine

LIMITS = Limits(power_s=120, boot_s=600, heartbeat_s=5)


def test_a_stage_that_was_passed_is_not_entered_again() -> None:
    b = boot(Stage.KERNEL, reached_s=20)
    assert reach(b, Stage.DISCOVER, at(21)) is b
    assert [s.stage for s in reach(b, Stage.AGENT, at(30)).seen] == [Stage.ASKED, Stage.KERNEL, Stage.AGENT]


def test_a_machine_whose_nic_is_unplugged_says_what_it_waits_for_and_until_when() -> None:
    m = replace(machine(State.COMMISSIONING), boot=boot(Stage.POWERED_ON, reached_s=10), deadline=at(1800))
    assert awaited(m) == "a DHCPDISCOVER from 52:54:00:00:00:01 (network boot)"
    assert gives_up_at(m, LIMITS) == at(610)
    assert overdue(m, LIMITS, at(609)) == ""
    assert overdue(m, LIMITS, at(610)) == (
        "waited in vain for a DHCPDISCOVER from 52:54:00:00:00:01 (network boot); last seen: powered on"
    )


def test_a_bmc_that_does_not_answer_is_named_in_what_is_awaited() -> None:
    b = replace(boot(), fault="no answer from 10.0.0.9 in 3 s")
    m = replace(machine(State.COMMISSIONING), boot=b)
    assert awaited(m) == "its power state to be read (so far: no answer from 10.0.0.9 in 3 s)"
    assert gives_up_at(m, LIMITS) == at(120)


@pytest.mark.parametrize("kind", [PowerKind.MANUAL, PowerKind.WOL])
def test_a_person_gets_more_time_than_a_bmc(kind: PowerKind) -> None:
    m = replace(machine(State.COMMISSIONING, kind=kind), boot=boot())
    assert gives_up_at(m, LIMITS) == at(600)


def test_an_agent_that_misses_twelve_heartbeats_is_lost() -> None:
    b = replace(boot(Stage.SCRIPTS, reached_s=40), heard_at=at(100))
    m = replace(machine(State.TESTING), boot=b, deadline=at(86400))
    assert overdue(m, LIMITS, at(159)) == ""
    assert "memory-test" in overdue(m, LIMITS, at(160), "memory-test")
    seen = last_seen(m)
    assert seen is not None
    assert seen.at == at(100)


def test_an_installed_system_is_awaited_as_long_as_a_boot_may_take() -> None:
    b = boot(Stage.POWERED_ON, boots=Boots.INSTALLED, reached_s=30)
    m = replace(machine(State.DEPLOYING), boot=b, deadline=at(5400))
    assert awaited(m) == "that the installed system boots from its disk and reports in"
    assert gives_up_at(m, LIMITS) == at(630)


def test_the_deadline_of_the_state_comes_first_when_it_is_earlier() -> None:
    m = replace(machine(State.COMMISSIONING), boot=boot(Stage.POWERED_ON, reached_s=10), deadline=at(60))
    assert gives_up_at(m, LIMITS) == at(60)
    assert overdue(m, LIMITS, at(60)).startswith("Commissioning took longer than it may")


def test_nothing_is_awaited_of_a_machine_at_rest() -> None:
    m = replace(machine(State.READY), boot=boot(Stage.SCRIPTS))
    assert awaited(m) == ""
    assert overdue(m, LIMITS, at(10**7)) == ""
