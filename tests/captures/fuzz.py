"""Frames that lie: those of all cases, changed at random, given to the sniffer's engine.

`python -m tests.captures.fuzz --count 10000000 --seed 1` is the long run. Nothing may be raised, and what is told has
to be short and printable, whatever comes in. The first frame that breaks that is printed with its seed.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.events.rack import HostTold
from fibrix.services.sniffer.engine import Engine
from fibrix.wire.capture.linktype import FRAMES
from fibrix.wire.capture.reader import packets

FOLDER: Final = Path(__file__).parent
_STEP_US: Final = 50_000  # from one frame to the next: what a sender says in a second is limited
_DUE: Final = 20  # frames in a second
_MOST_OCTETS: Final = 16_384  # of one host, told
_FRAME: Final = 9_000
_BEGINS_US: Final = 1_700_000_000_000_000
_ODD: Final = (0x00, 0x01, 0x7F, 0x80, 0xC0, 0xFF)  # octets that lengths, flags and pointers trip over


def frames(folder: Path = FOLDER) -> list[bytes]:
    """Every frame of every case, once."""
    found: dict[bytes, None] = {}
    for path in sorted(folder.glob("*/*.pcap*")):
        with path.open("rb") as file:
            try:
                for packet in packets(file.read):
                    found[FRAMES[packet.linktype](packet.data)] = None
            except (MalformedPacketError, KeyError):
                continue  # a case that is cut, or of another link: what came before counts
    return list(found)


def changed(chance: random.Random, good: Sequence[bytes]) -> bytes:
    """One of them, with some octets changed, moved, left out or put in from another one."""
    frame = bytearray(chance.choice(good))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(6, max(7, len(frame)))
        match chance.randrange(6):
            case 0:
                frame[at : at + 1] = bytes((chance.choice(_ODD),))
            case 1:
                frame[at : at + 1] = bytes((chance.randrange(256),))
            case 2:
                del frame[at:]
            case 3:
                del frame[at : at + chance.randrange(1, 9)]
            case 4:
                frame[at:at] = frame[at : at + chance.randrange(1, 65)]
            case _:
                other = chance.choice(good)
                frame[at:] = other[chance.randrange(len(other)) :]
    return bytes(frame[:_FRAME])


def check(told: HostTold) -> None:
    """What is told is short, and can be shown."""
    text = msgspec.json.encode(told)
    assert len(text) <= _MOST_OCTETS, f"{len(text)} octets are told"
    assert text.decode().isprintable(), "what is told cannot be printed"


def run(count: int, seed: int, good: Sequence[bytes]) -> Iterator[tuple[int, Engine]]:
    """Give so many frames to an engine; gives how many, and the engine, after each thousand."""
    chance, engine, at_us = random.Random(seed), Engine(), _BEGINS_US
    for number in range(1, count + 1):
        frame = changed(chance, good)
        at_us += _STEP_US
        try:
            told = engine.receive(frame, "s0", 0, at_us)
            if number % _DUE == 0:
                told += engine.due(at_us)
            for one in told:
                check(one)
        except Exception as exc:
            exc.add_note(f"seed {seed}, frame {number}: {frame.hex()}")
            raise
        if number % 1_000 == 0:
            yield number, engine


def main() -> None:
    """The long run."""
    parser = argparse.ArgumentParser(description="Give changed frames to the sniffer's engine.")
    parser.add_argument("--count", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    good, began_s, engine = frames(), time.monotonic(), Engine()
    for number, engine in run(asked.count, asked.seed, good):
        if number % 100_000 == 0:
            rate = number / (time.monotonic() - began_s)
            sys.stdout.write(f"{number} frames, {rate:.0f} a second, {len(engine.census)} hosts\n")
            sys.stdout.flush()
    for means, each in engine.counts.items():
        sys.stdout.write(f"{means.value}: {each.read} read, {each.malformed} malformed, {each.unproved} unproved\n")


if __name__ == "__main__":
    main()
