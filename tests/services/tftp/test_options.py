"""Which options are agreed to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.services.tftp.options import agree

LAN = 1468
NAMES = st.sampled_from(["blksize", "tsize", "timeout", "windowsize", "rollover"])


@pytest.mark.parametrize(
    ("asked", "acknowledged"),
    [
        ({}, {}),
        ({"blksize": "1024"}, {"blksize": "1024"}),
        ({"blksize": "8"}, {"blksize": "8"}),
        ({"blksize": "65464"}, {"blksize": "1468"}),
        ({"blksize": "7"}, {}),
        ({"blksize": "65465"}, {}),
        ({"blksize": "-8"}, {}),
        ({"blksize": "\u0661\u0660\u0662\u0664"}, {}),
        ({"tsize": "0"}, {"tsize": "3000"}),
        ({"timeout": "255"}, {"timeout": "255"}),
        ({"timeout": "0"}, {}),
        ({"timeout": "256"}, {}),
        ({"windowsize": "16"}, {"windowsize": "16"}),
        ({"windowsize": "65535"}, {"windowsize": "64"}),
        ({"windowsize": "0"}, {}),
        ({"windowsize": "9" * 5000}, {}),
        ({"multicast": "", "tsize": "0"}, {"tsize": "3000"}),
    ],
    ids=str,
)
def test_values_are_agreed_to_as_the_rfcs_say(asked: dict[str, str], acknowledged: dict[str, str]) -> None:
    assert agree(asked, 3000, LAN).acknowledged == acknowledged


def test_without_options_a_transfer_is_that_of_rfc_1350() -> None:
    agreed = agree({}, 3000, LAN)
    assert (agreed.block_bytes, agreed.window_blocks, agreed.timeout_s) == (512, 1, 0)


@given(st.dictionaries(NAMES, st.integers(-9, 70000).map(str) | st.text("0159 -x")), st.integers(0, 2**40))
def test_a_window_always_fits_into_a_send_buffer(asked: dict[str, str], size: int) -> None:
    agreed = agree(asked, size, 65464)
    assert 8 <= agreed.block_bytes <= 65464
    assert 1 <= agreed.window_blocks <= 64
    assert agreed.window_blocks == 1 or agreed.window_blocks * (agreed.block_bytes + 4) <= 128 * 1024
    assert set(agreed.acknowledged) <= set(asked) - {"rollover"}
