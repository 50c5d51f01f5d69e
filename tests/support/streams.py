"""Events to say, and raw ends of streams."""

import socket
from datetime import UTC, datetime

from fibrix.events.controller import SshKeyAdded
from fibrix.events.machine import MachineAccepted, MachineUpdated
from fibrix.types import MachineId, TenantId
from tests.support.site import key_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def updated(number: int = 0, *, machine: str = "m000000001", tenant: str = "", size: int = 1) -> MachineUpdated:
    """A machine changed; its data is so large."""
    return MachineUpdated(
        at=NOON, machine=MachineId(machine), name=f"web-{number}", fields=("x" * size,), tenant=TenantId(tenant)
    )


def accepted(machine: str = "m000000001") -> MachineAccepted:
    """A machine was accepted."""
    return MachineAccepted(at=NOON, machine=MachineId(machine), name="web")


def key_added(name: str, tenant: str = "") -> SshKeyAdded:
    """An SSH key was added."""
    return SshKeyAdded(at=NOON, name=name, fingerprint="SHA256:x", tenant=TenantId(tenant))


def handshake(query: str = "since=0", who: str = "admin", **headers: str) -> bytes:
    """A good request to upgrade, but for the headers that are given; an empty one is left out."""
    lines = {
        "Host": "x",
        "Authorization": f"Bearer {key_of(who)}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"GET /api/v1/stream?{query} HTTP/1.1\r\n{text}\r\n".encode()


def raw(port: int, request: bytes, *, buffer_bytes: int = 0) -> socket.socket:
    """Open a connection and send this, and read nothing."""
    peer = socket.socket()
    if buffer_bytes:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    peer.connect(("127.0.0.1", port))
    peer.sendall(request)
    peer.settimeout(8)
    return peer


def read_all(peer: socket.socket) -> bytes:
    """Read until the other side ends it."""
    with peer:
        try:
            return b"".join(iter(lambda: peer.recv(1 << 20), b""))
        except ConnectionResetError:
            return b""
