"""The transfer, told as transcripts: what the client sends and when, what it gets back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.services.tftp.engine import Outcome, Transfer
from fibrix.services.tftp.options import agree
from fibrix.wire.tftp import Ack, Data, Error, Message, OptionAck, decode


def transfer(content: bytes, **options: int) -> Transfer:
    asked = {name: str(value) for name, value in options.items()}
    return Transfer(lambda at, size: content[at : at + size], len(content), agree(asked, len(content), 1468))


def sent(outcome: Outcome) -> list[Message]:
    return [decode(header + bytes(payload)) for header, payload in outcome.datagrams]


def blocks(outcome: Outcome) -> list[int]:
    return [message.block for message in sent(outcome) if isinstance(message, Data)]


def ack(client: Transfer, block: int, now: float = 0.0) -> Outcome:
    return client.receive(Ack(block & 0xFFFF).encode(), now)


def test_a_plain_read_goes_block_by_block_and_ends_with_a_short_one() -> None:
    client = transfer(b"a" * 512 + b"b" * 10)
    assert sent(client.start(0.0)) == [Data(1, b"a" * 512)]
    assert sent(ack(client, 1)) == [Data(2, b"b" * 10)]
    end = ack(client, 2)
    assert (end.datagrams, end.ended and end.ended.sent_bytes, end.ended and end.ended.error) == ((), 522, "")


@pytest.mark.parametrize("size", [0, 512, 1024])
def test_a_file_of_whole_blocks_ends_with_an_empty_one(size: int) -> None:
    client = transfer(b"x" * size)
    outcome = client.start(0.0)
    for block in range(1, size // 512 + 1):
        outcome = ack(client, block)
    assert sent(outcome) == [Data(size // 512 + 1, b"")]


def test_options_are_acknowledged_before_the_first_block() -> None:
    client = transfer(b"x" * 20, blksize=8, tsize=0)
    assert sent(client.start(0.0)) == [OptionAck({"blksize": "8", "tsize": "20"})]
    assert sent(ack(client, 0)) == [Data(1, b"x" * 8)]


def test_a_doubled_ack_sends_nothing_in_lock_step() -> None:
    client = transfer(b"x" * 2000)
    client.start(0.0)
    assert blocks(ack(client, 1)) == [2]
    assert blocks(ack(client, 1)) == []
    assert blocks(ack(client, 2)) == [3]
    assert blocks(ack(client, 1)) == []


def test_a_window_is_sent_at_once_and_acknowledged_once() -> None:
    client = transfer(b"x" * 80, blksize=8, windowsize=4)
    client.start(0.0)
    assert blocks(ack(client, 0)) == [1, 2, 3, 4]
    assert blocks(ack(client, 4)) == [5, 6, 7, 8]
    assert blocks(ack(client, 8)) == [9, 10, 11]
    assert ack(client, 11).ended


def test_a_lost_block_is_sent_again_with_what_follows_it() -> None:
    client = transfer(b"x" * 80, blksize=8, windowsize=4)
    client.start(0.0)
    ack(client, 0)
    assert blocks(ack(client, 2)) == [3, 4, 5, 6]
    assert blocks(ack(client, 2)) == []  # one for each block that came out of order
    assert blocks(ack(client, 6)) == [7, 8, 9, 10]


def test_a_lost_first_block_is_sent_again_without_waiting() -> None:
    client = transfer(b"x" * 160, blksize=8, windowsize=4)
    client.start(0.0)
    ack(client, 0)
    ack(client, 4)
    assert blocks(ack(client, 4)) == [5, 6, 7, 8]
    assert blocks(ack(client, 4)) == []


def test_the_echo_of_a_repeated_window_does_not_repeat_the_next_one() -> None:
    client = transfer(b"x" * 160, blksize=8, windowsize=4)
    client.start(0.0)
    ack(client, 0)
    ack(client, 4)
    ack(client, 4)  # doubled by the network: 5 to 8 go out twice
    assert blocks(ack(client, 8)) == [9, 10, 11, 12]
    assert blocks(ack(client, 8)) == []  # the client answers the second 5 to 8
    assert blocks(ack(client, 12)) == [13, 14, 15, 16]


def test_block_numbers_roll_over() -> None:
    content = bytes(8) * 65540
    client = transfer(content, blksize=8, windowsize=64)
    outcome, block = client.start(0.0), 0
    outcome = ack(client, 0)
    while not outcome.ended:
        block += len(blocks(outcome))
        outcome = ack(client, block)
    assert block == 65541
    assert outcome.ended.sent_bytes == len(content)


def test_an_ack_of_a_block_that_was_never_sent_is_left_alone() -> None:
    client = transfer(b"x" * 2000)
    client.start(0.0)
    for block in (2, 3, 0, 40000, 65535):
        assert ack(client, block) == Outcome()


def test_silence_repeats_the_window_ever_more_seldom_and_then_gives_up() -> None:
    client = transfer(b"x" * 2000)
    client.start(0.0)
    waits, now = [], 0.0
    while True:
        waits.append(client.deadline - now)
        assert client.due(client.deadline - 0.01) == Outcome()
        now = client.deadline
        outcome = client.due(now)
        if outcome.ended:
            break
        assert blocks(outcome) == [1]
    assert waits == [1, 2, 4, 8, 8, 8]
    assert outcome.ended.error == "the client stopped answering"
    assert isinstance(sent(outcome)[0], Error)


def test_the_time_out_that_the_client_names_is_kept_to() -> None:
    client = transfer(b"x" * 20, timeout=10)
    client.start(100.0)
    assert client.deadline == 110.0
    assert sent(client.due(110.0)) == [OptionAck({"timeout": "10"})]
    assert client.deadline == 120.0


def test_an_answer_after_silence_starts_the_patience_anew() -> None:
    client = transfer(b"x" * 2000)
    client.start(0.0)
    client.due(1.0)
    ack(client, 1, now=2.0)
    assert client.deadline == 3.0


def test_asking_for_the_size_only_is_not_a_failed_transfer() -> None:
    client = transfer(b"x" * 20, tsize=0)
    client.start(0.0)
    end = client.receive(Error(8, "User aborted the transfer").encode(), 0.1).ended
    assert end is not None
    assert (end.probe, end.error) == (True, "")


def test_a_client_that_breaks_off_says_why() -> None:
    client = transfer(b"x" * 2000)
    client.start(0.0)
    ack(client, 1)
    end = client.receive(Error(3, "disk full").encode(), 0.1).ended
    assert end is not None
    assert (end.sent_bytes, end.error) == (512, "the client broke off: error 3 disk full")


def test_a_file_that_is_cut_short_meanwhile_does_not_pass_for_whole() -> None:
    content = bytearray(b"x" * 200_000)
    client = Transfer(lambda at, size: bytes(content[at : at + size]), 200_000, agree({}, 200_000, 1468))
    outcome, block = client.start(0.0), 0
    del content[600:]
    while not outcome.ended:
        block += 1
        outcome = ack(client, block)
    assert isinstance(sent(outcome)[0], Error)
    assert outcome.ended is not None
    assert "shorter" in outcome.ended.error


@given(st.binary(max_size=40))
def test_garbage_in_mid_transfer_changes_nothing(garbage: bytes) -> None:
    client = transfer(b"x" * 2000)
    client.start(0.0)
    ack(client, 1)
    outcome = Outcome()
    try:
        outcome = client.receive(garbage, 0.5)
    except MalformedPacketError:
        assert blocks(ack(client, 2)) == [3]
    assert outcome.ended is None or garbage[:2] == b"\0\x05"


@given(
    st.integers(0, 3000), st.integers(8, 200), st.integers(1, 9), st.integers(0, 40), st.integers(0, 40), st.integers()
)
def test_every_octet_arrives_through_loss_and_doubling(
    size: int, block_bytes: int, window: int, loss: int, doubling: int, seed: int
) -> None:
    chance = random.Random(seed)
    content = chance.randbytes(size)
    server = transfer(content, blksize=block_bytes, windowsize=window)

    def network(datagrams: list[bytes]) -> list[bytes]:
        """Lose and double some percent of them; what makes ten tries fail in a row is left out."""
        kept = [d for d in datagrams if chance.randrange(100) >= loss]
        return [d for d in kept for _ in range(1 + (chance.randrange(100) < doubling))]

    received, expected, now, quiet = b"", 1, 0.0, 0
    outcome = server.start(now)
    while outcome.ended is None:
        answers: list[bytes] = []
        for datagram in network([header + bytes(payload) for header, payload in outcome.datagrams]):
            match decode(datagram):
                case OptionAck():
                    answers.append(Ack(0).encode())
                case Data(block, payload) if block == expected:
                    received, expected = received + payload, expected + 1
                    if expected % window == 1 or window == 1 or len(payload) < block_bytes:
                        answers.append(Ack(block).encode())
                case _:
                    answers.append(Ack(expected - 1).encode())
        outcome = Outcome()
        for answer in network(answers):
            step = server.receive(answer, now)
            outcome = Outcome(outcome.datagrams + step.datagrams, outcome.ended or step.ended)
        quiet = 0 if outcome.datagrams else quiet + 1
        if not outcome.datagrams and outcome.ended is None:
            now = server.deadline
            outcome = server.due(now)
    assert received == content or "stopped answering" in outcome.ended.error
