"""A BMC of IPMI 2.0 in Python, for what `ipmi_sim` lacks: cipher suite 17, a BMC that is busy or picky.

Its side of RAKP is written from the specification (§13.20 to §13.24, §13.31), without `fibrix.wire.ipmi.rakp`;
`tests/peers/test_ipmitool.py` shows that ipmitool logs in to it.
"""

import asyncio
import contextlib
import hmac
import os
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import rmcp
from fibrix.wire.ipmi.message import checksum
from fibrix.wire.ipmi.session15 import Packet15
from fibrix.wire.ipmi.session20 import Packet20, Session20
from fibrix.wire.ipmi.suites import SUITE_17, Suite
from tests.support.bmc import LOOPBACK

_GUID = bytes(range(16))
_IDENTITY = 0x0B0B0B0B
_CAPABILITIES = bytes((1, 0x80, 0, 2, 0, 0, 0, 0))  # nothing but IPMI 2.0
_CONTROLLED = {0: False, 1: True, 2: True, 3: True, 5: False}


@dataclass
class PythonBmc:
    """One BMC; `completions` are given to coming requests by command code instead of carrying them out."""

    suite: Suite = SUITE_17
    username: bytes = b"admin"
    password: bytes = b"secret"
    kg: bytes = b""
    on: bool = False
    port: int = 0
    completions: dict[int, list[int]] = field(default_factory=dict)
    requests: list[tuple[int, bytes]] = field(default_factory=list)  # command and data, within sessions
    _session: Session20 | None = None
    _console: int = 0
    _console_random: bytes = b""
    _random: bytes = b""
    _user: bytes = b""

    def receive(self, datagram: bytes) -> bytes | None:
        """Answer one datagram, or say nothing."""
        packet = rmcp.unwrap(datagram)
        if packet[0] != 6:
            return Packet15(self._answer(Packet15.decode(datagram).message)).encode()
        outer = Packet20.decode(packet)
        if outer.session:
            assert self._session is not None
            return self._session.wrap(self._answer(self._session.unwrap(datagram)))
        step = {0x10: self._open, 0x12: self._rakp2, 0x14: self._rakp4}[outer.kind]
        return rmcp.wrap(Packet20(outer.kind + 1, step(outer.payload)).encode())

    def _open(self, payload: bytes) -> bytes:
        (self._console,) = struct.unpack_from("<I", payload, 4)
        if payload[12] != self.suite.authentication:
            return bytes((payload[0], 0x04, 0, 0)) + payload[4:8]
        return bytes((payload[0], 0, payload[1], 0)) + struct.pack("<II", self._console, _IDENTITY) + payload[8:32]

    def _rakp2(self, payload: bytes) -> bytes:
        self._console_random, self._random = payload[8:24], os.urandom(16)
        self._user = payload[24:25] + payload[27:]  # role, length, name
        if payload[28:] != self.username:
            return bytes((payload[0], 0x0D, 0, 0)) + struct.pack("<I", self._console)
        ids = struct.pack("<II", self._console, _IDENTITY)
        code = self._mac(self.password, ids, self._console_random, self._random, _GUID, self._user)
        return bytes((payload[0], 0, 0, 0)) + struct.pack("<I", self._console) + self._random + _GUID + code

    def _rakp4(self, payload: bytes) -> bytes:
        console = struct.pack("<I", self._console)
        if payload[8:] != self._mac(self.password, self._random, console, self._user):
            return bytes((payload[0], 0x0F, 0, 0)) + console
        key = self._mac(self.kg or self.password, self._console_random, self._random, self._user)
        self._session = Session20(self.suite, _IDENTITY, self._console, key, os.urandom)
        code = self._mac(key, self._console_random, struct.pack("<I", _IDENTITY), _GUID)
        return bytes((payload[0], 0, 0, 0)) + console + code[: self.suite.code_bytes]

    def _answer(self, message: bytes) -> bytes:
        netfn, command, data = message[1] >> 2, message[5], message[6:-1]
        if self._session is not None:
            self.requests.append((command, data))
        planned = self.completions.get(command)
        completion, reply = (planned.pop(0), b"") if planned else self._carry_out(netfn, command, data)
        head = bytes((message[3], (netfn + 1) << 2))
        body = bytes((message[0], message[4], command, completion)) + reply
        return head + checksum(head) + body + checksum(body)

    def _carry_out(self, netfn: int, command: int, data: bytes) -> tuple[int, bytes]:
        match netfn, command:
            case 6, 0x38:
                return 0, _CAPABILITIES
            case 6, 0x3B:
                return 0, data
            case 0, 0x01:
                return 0, bytes((self.on, 0, 0))
            case 0, 0x02:
                self.on = _CONTROLLED[data[0]]
                return 0, b""
            case (6, 0x3C) | (0, 0x08):
                return 0, b""
            case _:
                return 0xC1, b""

    def _mac(self, key: bytes, *parts: bytes) -> bytes:
        return hmac.new(key, b"".join(parts), self.suite.hash).digest()


@contextlib.asynccontextmanager
async def python_bmc(bmc: PythonBmc) -> AsyncIterator[PythonBmc]:
    """Have it listen on loopback for as long as the block."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as server:
        server.bind((LOOPBACK, 0))
        bmc.port = server.getsockname()[1]

        def serve() -> None:
            datagram, client = server.recvfrom(2048)
            with contextlib.suppress(MalformedPacketError):
                answer = bmc.receive(datagram)
                if answer is not None:
                    server.sendto(answer, client)

        loop.add_reader(server, serve)
        try:
            yield bmc
        finally:
            loop.remove_reader(server)
