"""The IPMI LAN message: a request, and the response that answers it (§13.8, figures 13-3 and 13-4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import completion
from fibrix.wire.ipmi.faults import RefusedError, StrayPacketError

BMC_ADDRESS: Final = 0x20  # slave address of the BMC
CONSOLE_ADDRESS: Final = 0x81  # software id of a remote console
SEQUENCES: Final = 64
"""Requester's sequence numbers are 6 bits."""

_SHORTEST: Final = 8  # addresses, network function, two checksums, sequence, command, completion code


class NetFn(IntEnum):
    """Network functions of requests; the response's is one higher (§5.1)."""

    CHASSIS = 0x00
    APP = 0x06


class Privilege(IntEnum):
    """Privilege levels (§6.8)."""

    USER = 2
    OPERATOR = 3
    ADMINISTRATOR = 4


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the specification, its name there, and its own completion codes in words."""

    netfn: NetFn
    code: int
    name: str
    refusals: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A command with its data, and the privilege that it needs (appendix G)."""

    command: Command
    data: bytes = b""
    privilege: Privilege = Privilege.USER

    def encode(self, sequence: int) -> bytes:
        """Write rsAddr, netFn/LUN, checksum, rqAddr, rqSeq/LUN, command, data, checksum; LUNs are 0."""
        head = bytes((BMC_ADDRESS, self.command.netfn << 2))
        body = bytes((CONSOLE_ADDRESS, (sequence % SEQUENCES) << 2, self.command.code)) + self.data
        return head + checksum(head) + body + checksum(body)


@dataclass(frozen=True, slots=True)
class Response:
    """What a BMC answered."""

    netfn: int
    command: int
    sequence: int
    completion: int
    data: bytes

    @classmethod
    def decode(cls, message: bytes) -> Self:
        """Read rqAddr, netFn/LUN, checksum, rsAddr, rqSeq/LUN, command, completion, data, checksum.

        Raises MalformedPacketError when it is too short or a checksum is wrong.
        """
        if len(message) < _SHORTEST:
            raise MalformedPacketError(f"IPMI message: {len(message)} octets are too few")
        if sum(message[:3]) & 0xFF or sum(message[3:]) & 0xFF:
            raise MalformedPacketError("IPMI message: a checksum is wrong")
        return cls(message[1] >> 2, message[5], message[4] >> 2, message[6], message[7:-1])


def checksum(data: bytes) -> bytes:
    """Give the octet that makes the sum of all 0 modulo 256 (§13.8)."""
    return bytes((-sum(data) & 0xFF,))


def answer(request: Request, sequence: int, message: bytes) -> bytes:
    """Take the data out of the response to a request.

    Raises MalformedPacketError, StrayPacketError when it answers something else, RefusedError in words when the BMC
    said no.
    """
    response = Response.decode(message)
    command = request.command
    expected = (command.netfn + 1, command.code, sequence % SEQUENCES)
    if (response.netfn, response.command, response.sequence) != expected:
        raise StrayPacketError(f"{command.name}: the answer is to another request")
    if response.completion != completion.OK:
        words = completion.describe(response.completion, command.refusals)
        raise RefusedError(f"{command.name}: {words}", completion=response.completion)
    return response.data
