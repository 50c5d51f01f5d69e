"""A TFTP client for what no program asks: any option, any window; it tells of a loss as RFC 7440 §4 has it."""

import asyncio
import socket

from fibrix.wire.tftp import Ack, Data, Error, OptionAck, Request, decode


async def fetch(server: tuple[str, int], file: str, *, patience_s: float = 1.0, **options: int) -> bytes:
    """Read a file. Raises ConnectionError with the server's words when it refuses."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        asked = Request(file, options={name: str(value) for name, value in options.items()}).encode()
        said, to, got, last, size, window, told = asked, server, bytearray(), 0, 512, 1, 0
        sock.sendto(said, to)
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    datagram, to = await loop.sock_recvfrom(sock, 70000)
            except TimeoutError:
                said = said if to is server else Ack(last & 0xFFFF).encode()
                sock.sendto(said, to)
                told = last
                continue
            match decode(datagram):
                case OptionAck(agreed):
                    size, window = int(agreed.get("blksize", "512")), int(agreed.get("windowsize", "1"))
                    sock.sendto(Ack(0).encode(), to)
                case Data(block, payload) if block == (last + 1) & 0xFFFF:
                    got += payload
                    last += 1
                    if last - told >= window or len(payload) < size:
                        sock.sendto(Ack(last & 0xFFFF).encode(), to)
                        told = last
                    if len(payload) < size:
                        return bytes(got)
                case Data() if told != last:
                    sock.sendto(Ack(last & 0xFFFF).encode(), to)
                    told = last
                case Error(code, message):
                    raise ConnectionError(f"{code} {message}")
                case _:
                    pass
