"""Hosts on a wire for a scan to find: Redfish over TLS with a certificate of its own, one that hangs, a BMC."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from aiohttp import web

from fibrix.runtime.certificate import make
from fibrix.runtime.clock import utc_now
from fibrix.runtime.tls import Pair
from tests.support.bmc import SimulatedBmc, prepare
from tests.support.netns import entered

ROOT: Final = {
    "@odata.type": "#ServiceRoot.v1_11_0.ServiceRoot",
    "Id": "RootService",
    "Name": "Root Service",
    "RedfishVersion": "1.11.0",
    "UUID": "92384634-2938-2342-8820-489239905423",
    "Oem": {"Contoso": {}},
}


def listening(name: str, address: str, port: int) -> socket.socket:
    """A TCP socket of a host in a namespace."""
    with entered(name):
        made = socket.create_server((address, port))
    made.settimeout(0)
    return made


@asynccontextmanager
async def redfish(
    name: str, address: str, folder: Path, answer: web.StreamResponse | object = ROOT
) -> AsyncIterator[list[str]]:
    """A host with a service root; gives the paths that it was asked for. `answer`: instead of the root."""
    asked: list[str] = []

    async def root(request: web.Request) -> web.StreamResponse:
        asked.append(f"{request.method} {request.path} {request.headers.get('Authorization', 'open')}")
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    pair = Pair(folder / f"{address}.pem", folder / f"{address}.key")
    make(pair, ["bmc.example"], utc_now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    application = web.Application()
    application.router.add_get("/{path:.*}", root)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listening(name, address, 443), ssl_context=context).start()
        yield asked
    finally:
        await runner.cleanup()


@contextmanager
def hanging(name: str, address: str) -> Iterator[None]:
    """A host that takes connections, and never says a word: the kernel takes them, and nobody looks."""
    with listening(name, address, 443):
        yield


@asynccontextmanager
async def bmc(name: str, address: str, folder: Path) -> AsyncIterator[SimulatedBmc]:
    """A BMC on the wire, at the port where real ones are."""
    made = prepare(folder / "bmc", port=623, machine=False)
    lan = made.folder / "lan.conf"
    lan.write_text(lan.read_text().replace("addr 127.0.0.1", f"addr {address}"))
    with entered(name):
        program = await asyncio.create_subprocess_exec(
            "ipmi_sim", "-n", "-c", lan, "-f", made.folder / "bmc.emu", "-s", made.folder / "state",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    try:
        await _bound(name, address)
        yield made
    finally:
        program.kill()
        await program.wait()


@asynccontextmanager
async def port_623(name: str, address: str, answer: bytes) -> AsyncIterator[None]:
    """A host that answers anything at the port of RMCP with these octets."""
    with entered(name):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.bind((address, 623))
    loop = asyncio.get_running_loop()
    loop.add_reader(made, lambda: made.sendto(answer, made.recvfrom(2048)[1]))
    try:
        yield
    finally:
        loop.remove_reader(made)
        made.close()


async def _bound(name: str, address: str) -> None:
    """Wait until somebody has the port."""
    while True:
        with entered(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 623))
            except OSError:
                return
        await asyncio.sleep(0.02)


class Ear:
    """All frames that come to an interface of a namespace, with the times when they were read."""

    def __init__(self, name: str, interface: str) -> None:
        with entered(name):
            self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
            self._raw.bind((interface, 3))
        self.frames: list[tuple[float, bytes]] = []
        asyncio.get_running_loop().add_reader(self._raw, self._take)

    def close(self) -> None:
        """Hear no more."""
        asyncio.get_running_loop().remove_reader(self._raw)
        self._raw.close()

    def _take(self) -> None:
        while True:
            try:
                frame, (_, _, kind, *_) = self._raw.recvfrom(2048)
            except BlockingIOError:
                return
            if kind != socket.PACKET_OUTGOING:
                self.frames.append((asyncio.get_running_loop().time(), frame))
