"""The last boots of a machine, from the events that tell of them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from fibrix.domain.boot_history import BootHistory
from fibrix.domain.machine import Boot, Boots
from fibrix.domain.ports.boots import PastBoot
from fibrix.domain.state import State
from fibrix.types import BootId

Event = tuple[str, dict[str, object]]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Entry(msgspec.Struct, frozen=True):
    """Fits `domain.boot_history.Told`."""

    seq: int
    at: datetime
    type: str
    data: bytes


def moved(before: str, after: str, trigger: str, reason: str = "") -> Event:
    kind = "machine." + after.lower().replace(" ", "_")
    return kind, {"before": before, "after": after, "trigger": trigger, "reason": reason, "deadline": None}


def step(boot: str, stage: str, detail: str = "") -> Event:
    return "machine.boot_progressed", {"boot": boot, "stage": stage, "detail": detail}


def began(run: str, script: str, position: int) -> Event:
    return "machine.script_started", {"run": run, "script": script, "position": position, "count": 2}


def ended(run: str, status: str, reason: str = "") -> Event:
    return "machine.script_ended", {"run": run, "status": status, "reason": reason}


def reported(hostname: str) -> Event:
    return "machine.reported", {"hostname": hostname, "data": {}}


COMMISSION = moved("New", "Commissioning", "commission", "asked for")
WHOLE = (
    (0, COMMISSION),
    (1, step("b1", "powered on")),
    (6, step("b1", "DHCPDISCOVER", "from a MAC")),
    (30, step("b1", "agent")),
    (31, began("r1", "inventory", 1)),
    (33, ended("r1", "passed")),
    (34, moved("Commissioning", "Testing", "succeeded")),
    (35, began("r2", "memory-test", 2)),
    (95, ended("r2", "failed", "bad RAM")),
    (96, moved("Testing", "Failed testing", "failed", "memory-test failed")),
)
DEPLOYED = (
    (200, moved("Ready", "Deploying", "deploy")),
    (205, step("b2", "agent")),
    (260, step("b3", "asked", "the image is written")),
    (262, step("b3", "powered on")),
    (300, reported("web-1")),
    (300, moved("Deploying", "Deployed", "succeeded", "it reported in")),
)


def history(told: Iterable[tuple[int, Event]], present: Boot | None = None, most: int = 9) -> tuple[PastBoot, ...]:
    made = BootHistory(most)
    for seq, (second, (kind, data)) in enumerate(told, 1):
        made.take(Entry(seq, START + timedelta(seconds=second), kind, json.dumps(data).encode()))
    return made.boots(present)


def steps(boot: PastBoot) -> list[tuple[str, str, float | None]]:
    return [(one.stage, one.detail, one.took_s) for one in boot.steps]


def test_a_boot_goes_on_through_commissioning_and_testing_and_each_step_has_its_seconds() -> None:
    (boot,) = history(WHOLE)
    assert (boot.id, boot.boots, boot.states) == ("b1", Boots.EPHEMERAL, (State.COMMISSIONING, State.TESTING))
    assert (boot.outcome, boot.reason, boot.took_s) == ("failed", "memory-test failed", 96)
    assert steps(boot) == [
        ("asked", "asked for", 1),
        ("powered on", "", 5),
        ("DHCPDISCOVER", "from a MAC", 24),
        ("agent", "", 1),
        ("scripts", "inventory, 1 of 2: passed", 2),
        ("scripts", "memory-test, 2 of 2: failed: bad RAM", 60),
    ]


def test_a_deployment_is_two_boots_and_the_newest_comes_first() -> None:
    installed, ephemeral, _ = history((*WHOLE, *DEPLOYED))
    assert (ephemeral.id, ephemeral.outcome, ephemeral.reason) == ("b2", "succeeded", "the image is written")
    assert (ephemeral.took_s, ephemeral.boots) == (60, Boots.EPHEMERAL)
    assert (installed.id, installed.boots, installed.states) == ("b3", Boots.INSTALLED, (State.DEPLOYING,))
    assert steps(installed) == [
        ("asked", "the image is written", 2),
        ("powered on", "", 38),
        ("done", "reported in as web-1", 0),
    ]
    assert (installed.outcome, installed.took_s) == ("succeeded", 40)


def test_what_is_under_way_has_no_end_and_its_id_from_the_machine_while_nothing_was_seen() -> None:
    present = Boot(id=BootId("b7"), boots=Boots.EPHEMERAL)
    (boot,) = history([(0, COMMISSION)], present)
    assert (boot.id, boot.outcome, boot.ended_at, boot.took_s) == ("b7", "under way", None, None)
    assert steps(boot) == [("asked", "asked for", None)]


def test_one_that_was_given_up_before_anything_was_seen_is_there_too() -> None:
    again, first = history([(0, COMMISSION), (3, moved("Commissioning", "New", "abort")), (9, COMMISSION)])
    assert (first.id, first.outcome, first.took_s) == ("", "abort", 3)
    assert again.outcome == "under way"


def test_of_a_boot_whose_beginning_was_forgotten_the_rest_is_shown() -> None:
    (boot,) = history(WHOLE[2:])
    assert (boot.id, boot.boots, boot.states, boot.event) == ("b1", None, (State.TESTING,), 1)
    assert boot.steps[0].stage == "DHCPDISCOVER"
    assert history(WHOLE[4:6]) == ()
    assert history(WHOLE[-1:]) == ()


def test_no_more_than_the_last_ones_are_remembered() -> None:
    rounds = [(n, one) for n in range(50) for one in (COMMISSION, moved("Commissioning", "New", "abort"))]
    assert len(history(rounds, most=7)) == 7
