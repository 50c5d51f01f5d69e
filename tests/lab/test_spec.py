"""What a lab is made of."""

import pytest

from fibrix.errors import LabError
from fibrix.lab.spec import MAX_MACHINES, LabSpec
from fibrix.types import parse_mac


def test_no_two_machines_share_anything() -> None:
    plans = LabSpec(machines=MAX_MACHINES).plans()
    for what in ("name", "mac", "uuid", "serial", "tap", "bmc_address", "kcs_port"):
        assert len({getattr(plan, what) for plan in plans}) == MAX_MACHINES, what


def test_macs_are_qemus_and_differ_between_labs() -> None:
    one, other = LabSpec(name="one").plans()[0], LabSpec(name="other").plans()[0]
    assert one.mac.startswith("52:54:00:")
    assert parse_mac(one.mac) == one.mac
    assert one.mac != other.mac


def test_a_machine_is_the_same_each_time_its_lab_is_built() -> None:
    assert LabSpec(name="x", machines=2).plans() == LabSpec(name="x", machines=2).plans()


@pytest.mark.parametrize("number", [1, MAX_MACHINES])
def test_interface_names_fit_into_linux(number: int) -> None:
    assert len(LabSpec(machines=MAX_MACHINES).plans()[number - 1].tap) < 16


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (LabSpec(name="../etc"), "lab name"),
        (LabSpec(name=""), "lab name"),
        (LabSpec(machines=0), "0 machines"),
        (LabSpec(machines=MAX_MACHINES + 1), "51 machines"),
        (LabSpec(memory_mb=1), "memory"),
        (LabSpec(disk_gb=0), "disk"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(spec: LabSpec, words: str) -> None:
    with pytest.raises(LabError, match=words):
        spec.check()
