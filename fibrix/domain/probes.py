"""What is known of addresses that nobody holds, from looking for them on the wire."""

from collections.abc import Sequence
from typing import Protocol


class Probes(Protocol):
    """What was found on the wire about addresses that nobody holds."""

    def clear_of(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of many for which nobody answered a short while ago, in their order: asked for every newcomer."""
        ...


class NoProbes:
    """Nothing was looked at."""

    def clear_of(self, numbers: Sequence[int]) -> Sequence[int]:  # noqa: ARG002 - the protocol's
        """None of them."""
        return ()
