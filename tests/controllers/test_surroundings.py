"""What the controller stands on: looked at again and again, each fault in words."""

from datetime import UTC, datetime, timedelta

import pytest

from fibrix.controllers.surroundings import Probe, Surroundings
from fibrix.domain.surroundings import clock_fault, disk_fault
from fibrix.errors import StoreError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_disk_is_told_when_it_has_less_room_than_it_should() -> None:
    assert disk_fault(2 << 30, least_bytes=1 << 30, folder="/x") == ""
    assert disk_fault(1 << 30, least_bytes=1 << 30, folder="/x") == ""
    assert "/x has 1023 MiB left" in disk_fault((1 << 30) - 1, least_bytes=1 << 30, folder="/x")


@pytest.mark.parametrize(
    ("newest_s", "stepped_s", "words"),
    [
        (None, 0.0, ""),
        (-3600, 0.0, ""),
        (4, -4.9, ""),
        (60, 0.0, "set the clock"),
        (None, 3600.0, "set forward by 3600 s"),
        (None, -30.0, "set back by 30 s"),
    ],
)
def test_a_clock_is_not_believed_when_it_is_behind_events_or_was_set(
    newest_s: int | None, stepped_s: float, words: str
) -> None:
    newest = None if newest_s is None else NOW + timedelta(seconds=newest_s)
    fault = clock_fault(NOW, newest_event=newest, stepped_s=stepped_s)
    assert words in fault
    assert bool(words) == bool(fault)


async def test_a_probe_that_fails_or_hangs_is_a_reason_and_gets_well_again() -> None:
    answers = ["", "it is full"]

    async def says() -> str:
        if not answers:
            raise StoreError("the disk is gone")
        return answers.pop()

    surroundings = Surroundings({"disk": Probe(says), "vital": Probe(says, vital=True)}, patience_s=0.05)
    assert all(check.ok for check in surroundings.checks())
    await surroundings.look()
    disk, vital = surroundings.checks()
    assert (disk.reason, vital.reason, vital.vital) == ("it is full", "", True)
    await surroundings.look()
    assert [check.reason for check in surroundings.checks()] == ["the disk is gone"] * 2
