"""What is known of addresses that nobody holds, from looking for them on the wire."""

from collections.abc import Sequence
from typing import Protocol


class Probes(Protocol):
    """What was found on the wire about addresses that nobody holds."""

    def clear(self, number: int) -> bool | None:
        """True: nobody answers there. False: somebody does, nobody gets it. None: it was not looked at."""
        ...

    def clear_of(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of many of which `clear` is true, in their order: asked for every newcomer, so it has to be quick."""
        ...


class NoProbes:
    """Nothing was looked at."""

    def clear(self, number: int) -> bool | None:  # noqa: ARG002 - the protocol's
        """Say nothing."""
        return None

    def clear_of(self, numbers: Sequence[int]) -> Sequence[int]:  # noqa: ARG002 - the protocol's
        """None of them."""
        return ()
