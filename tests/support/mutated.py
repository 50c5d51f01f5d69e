"""Bytes that were good: a few octets changed, cut or added, as hypothesis likes them."""

from collections.abc import Sequence

from hypothesis import strategies as st


def mutated(good: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of some good packets with a few octets changed, and perhaps an end of another length."""
    changes = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4)
    return st.builds(_changed, st.sampled_from(list(good)), changes, st.integers(0, 2000), st.binary(max_size=8))


def _changed(good: bytes, changes: list[tuple[int, int]], end: int, more: bytes) -> bytes:
    data = bytearray(good)
    for at, octet in changes:
        if at < len(data):
            data[at] = octet
    return bytes(data[:end]) + more
