"""The demo's timeline."""

import io

import pytest
from rich.console import Console

from fibrix.errors import LabError
from fibrix.lab.timeline import WHOLE, Timeline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(timeline: Timeline) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(timeline.table())
    return out.getvalue()


def test_each_machine_has_a_column_and_each_step_a_row() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    with timeline.step(WHOLE, "lab up"):
        clock.now += 1.5
    for name, seconds in (("node2", 4.0), ("node1", 3.0)):
        with timeline.step(name, "discovered"):
            clock.now += seconds
    text = drawn(timeline)
    heading, row = (next(line for line in text.splitlines() if word in line) for word in ("node1", "discovered"))
    assert heading.index("lab") < heading.index("node1") < heading.index("node2")
    assert row.index("3.0") < row.index("4.0")
    assert timeline.elapsed_s == 8.5


def fail(timeline: Timeline, clock: Clock) -> None:
    with timeline.step("node1", "deployed"):
        clock.now += 2
        raise LabError("no")


def test_a_step_that_failed_is_marked_and_kept() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    with pytest.raises(LabError):
        fail(timeline, clock)
    assert timeline.seconds("node1", "deployed") == "2.0 ✗"
    assert timeline.seconds("node1", "released") == ""
    assert "2.0 ✗" in drawn(timeline)
