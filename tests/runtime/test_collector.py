"""What is there after the start is left alone, and cycles are still found."""

import gc
import importlib
import subprocess
import sys
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


def test_a_package_is_not_found_meanwhile_and_is_as_before_afterwards() -> None:
    was = sys.modules.pop("colorsys", None)
    with collector.without("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    there = importlib.import_module("colorsys")
    with collector.without("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys") is there
    if was is not None:
        sys.modules["colorsys"] = was


def test_a_controller_is_imported_without_what_it_does_not_need() -> None:
    """What a start would cost more, in time and memory."""
    program = """
import sys
from fibrix.runtime import collector
with collector.without("rich"):
    import fibrix.app.run
print([name for name in ("rich", "pygments", "dns", "cryptography.x509", "scapy.all") if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=9)
    assert told.stdout.strip() == "[]"
