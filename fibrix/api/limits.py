"""How long each part of a request may take."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds."""

    read_s: float = 10.0  # for the client to send the body
    handle_s: float = 100.0  # for us to have the answer: more than the slowest BMC takes
    send_s: float = 60.0  # for the client to take the answer
    slow_s: float = 15.0  # for a subscriber of the stream to take a message


LIMITS: Final = Limits()
"""What is used unless told otherwise."""
