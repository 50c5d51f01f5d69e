"""Scrubs the frames of one capture."""

from fibrix.wire.scrub.layers import layers
from fibrix.wire.scrub.macs import Macs
from fibrix.wire.scrub.seal import reseal
from fibrix.wire.scrub.serials import Serials


class Scrubber:
    """Replaces what is the same in several frames by the same, so that they still belong together.

    Names of hosts stay: who makes a capture chooses those.
    """

    def __init__(self, *, macs: bool = False) -> None:
        """`macs`: replace the last three octets of MACs too."""
        self._serials = Serials()
        self._macs = Macs() if macs else None

    def scrub(self, frame: bytes) -> bytes:
        """Give a frame of the same length without serial numbers and UUIDs. Never raises."""
        found, made = layers(frame), bytearray(frame)
        self._serials.scrub(made, found)
        if self._macs is not None:
            self._macs.scrub(made, found)
        if made == frame:
            return frame
        reseal(frame, made, found)
        return bytes(made)
