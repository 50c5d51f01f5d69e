"""A webhook's receiver on a raw socket, that may be ill in many ways. It believes only the independent verifier."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import standardwebhooks

ILLNESSES: Final = ("500", "hang", "reset", "redirect", "huge", "garbage", "trickle")


@dataclass(frozen=True)
class Delivery:
    """One request that came in whole."""

    headers: Mapping[str, str]  # names in lower case
    body: bytes
    target: str
    answered: str

    @property
    def event(self) -> Any:
        """The CloudEvent in it."""
        return msgspec.json.decode(self.body)

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]


def well(_: Delivery) -> str:
    """Always answer 204."""
    return "204"


@dataclass
class Receiver:
    """Listens on loopback. `answer` says how each delivery is answered: a status, or one of ILLNESSES."""

    answer: Callable[[Delivery], str] = well
    deliveries: list[Delivery] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/hook"

    @property
    def taken(self) -> list[Delivery]:
        """What it took, in the order in which it came."""
        return [delivery for delivery in self.deliveries if delivery.answered.startswith("2")]

    @property
    def ids(self) -> list[str]:
        """The CloudEvents ids of what it took, each once, in the order in which they first came."""
        return list(dict.fromkeys(delivery.event["id"] for delivery in self.taken))

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until it has enough."""
        while not enough():
            self.grown.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self.grown.wait()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        """Listen for as long as the block runs; the port stays the same the next time."""
        served: set[asyncio.StreamWriter] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.add(writer)
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
            served.discard(writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in served:
                writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False: the connection is over."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        delivery = Delivery(headers, body, head[0].split(" ")[1], "")
        for secret in self.secrets:  # each of them must do by itself
            standardwebhooks.Webhook(secret).verify(body, dict(headers))
        said = self.answer(delivery)
        self.deliveries.append(Delivery(headers, body, delivery.target, said))
        self.grown.set()
        return await _say(writer, said)


async def _say(writer: asyncio.StreamWriter, said: str) -> bool:
    """Answer; False: the connection is over."""
    match said:
        case "hang":
            await asyncio.sleep(60)
        case "reset":
            writer.transport.abort()
        case "garbage":
            writer.write(b"\x00\xffSSH-2.0-nonsense\r\n\r\n")
        case "huge":
            writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        case "trickle":
            writer.write(b"HTTP/1.1 200 Yes\r\nX: ")
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.05)
        case "200 slow":
            writer.write(b"HTTP/1.1 200 Yes\r\nContent-Length: 1000\r\n\r\nx")
            await asyncio.sleep(60)
        case "redirect":
            writer.write(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        case _:
            status, _, more = said.partition(" ")
            text = b"" if status == "204" else b"what it says\x1b[31m to\nyou " + b"y" * 300
            extra = f"{more}\r\n" if more else ""
            length = "" if status == "204" else f"Content-Length: {len(text)}\r\n"
            writer.write(f"HTTP/1.1 {status} X\r\n{extra}{length}\r\n".encode() + text)
            await writer.drain()
            return True
    with suppress(OSError):
        await writer.drain()
    return said == "redirect"
