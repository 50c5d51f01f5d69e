"""What is known of addresses that nobody holds, from looking for them on the wire."""

from typing import Protocol


class Probes(Protocol):
    """What was found on the wire about addresses that nobody holds."""

    def clear(self, number: int) -> bool | None:
        """True: nobody answers there. False: somebody does, nobody gets it. None: it was not looked at."""
        ...


class NoProbes:
    """Nothing was looked at."""

    def clear(self, number: int) -> bool | None:  # noqa: ARG002 - the protocol's
        """Say nothing."""
        return None
