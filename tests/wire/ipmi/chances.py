"""Chance, held still."""

import itertools
from collections.abc import Callable


def counting() -> Callable[[int], bytes]:
    """Octets 1, 2, 3 …: never the same twice, always the same in each test."""
    octets = itertools.cycle(range(1, 256))
    return lambda count: bytes(next(octets) for _ in range(count))


def given_octets(*pieces: bytes) -> Callable[[int], bytes]:
    """The pieces, in the order in which they are asked for."""
    rest = list(pieces)

    def chance(count: int) -> bytes:
        piece = rest.pop(0)
        assert len(piece) == count
        return piece

    return chance
