"""The assembler, octet by octet, and what is no program."""

import struct

import pytest

from fibrix.wire.bpf import DROP, TAKE, Line, any_of, assemble


def test_a_program_is_written_as_the_kernel_reads_it() -> None:
    """As `tcpdump -dd arp` prints it, but for the octets that it takes."""
    code = assemble(("ldh", 12), ("jeq", 0x806, "", "drop"), TAKE, "drop", DROP)
    assert list(struct.iter_unpack("=HBBI", code)) == [
        (0x28, 0, 0, 12),
        (0x15, 0, 1, 0x806),
        (0x06, 0, 0, 0xFFFF),
        (0x06, 0, 0, 0),
    ]


def test_a_comparison_with_many_goes_one_way_for_each() -> None:
    code = assemble(*any_of((1, 2, 3), "take", "drop"), "take", TAKE, "drop", DROP)
    assert [step[1:3] for step in struct.iter_unpack("=HBBI", code)][:3] == [(2, 0), (1, 0), (0, 1)]


def test_a_jump_goes_farther_than_a_comparison() -> None:
    many: list[Line] = [("ldh", 0)] * 300
    code = assemble(("jump", 0, "end", ""), *many, "end", DROP)
    assert struct.unpack_from("=HBBI", code) == (0x05, 0, 0, 300)


MANY: list[Line] = [("ldh", 0)] * 256
FAULTS: dict[str, list[Line]] = {
    "is there twice": ["a", ("ldh", 0), "a", DROP],
    "is not behind it": ["a", ("jeq", 1, "a", ""), DROP],
    "the label 'b' is not behind it": [("jeq", 1, "b", ""), DROP],
    "too far": [("jeq", 1, "end", ""), *MANY, "end", DROP],
    "0 steps": [],
    "the last one returns": [("ldh", 0)],
    "4097 steps": [*([("ldh", 0)] * 4096), DROP],
    "no instruction": [("mul", 2), DROP],
    "ldh with 2 labels": [("ldh", 2, "", ""), DROP],
    "jeq with 0 labels": [("jeq", 2), DROP],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_program_is_refused(fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        assemble(*FAULTS[fault])
