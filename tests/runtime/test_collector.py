"""What is there after the start is left alone, and cycles are still found."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from fibrix.runtime import collector


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Node:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_is_left_out_and_later_cycles_are_found() -> None:
    collector.calm()
    collector.spare()
    assert gc.get_freeze_count() > 10_000
    gone = weakref.ref(Node())
    gc.collect()
    assert gone() is None


def test_cycles_are_found_without_being_asked_for() -> None:
    collector.calm()
    gone = weakref.ref(Node())
    kept = [[number] for number in range(100_000)]
    assert gone() is None
    assert len(kept) == 100_000
