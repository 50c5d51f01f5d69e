"""How long each part of a request may take, and how many clients there may be."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds."""

    head_s: float = 10.0  # for a new client to send the head of its first request
    read_s: float = 10.0  # for the client to send the body
    handle_s: float = 100.0  # for us to have the answer: more than the slowest BMC takes
    send_s: float = 60.0  # for the client to take the answer
    slow_s: float = 15.0  # for a subscriber of the stream to take a message
    connections: int = 4096  # by TCP at the same time; not a time


LIMITS: Final = Limits()
"""What is used unless told otherwise."""
