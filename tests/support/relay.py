"""A bad network between Fibrix and a BMC."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from fibrix.lab.bmc15 import Manner, Relay
from tests.support.bmc import LOOPBACK, free_port


@dataclass
class BadNetwork:
    """Loses, doubles, delays and garbles; all of it can be changed while it works. Counts what passes."""

    lose_answers: Callable[[int], bool] = lambda _number: False  # by the answer's number, from 0
    lose_questions: Callable[[int], bool] = lambda _number: False
    copies: int = 1
    delay_s: float = 0.0
    garbage: tuple[bytes, ...] = ()  # comes before each answer
    garble: Callable[[bytes], bytes] = bytes
    questions: int = 0
    answers: int = 0
    heard: list[bytes] = field(default_factory=list)

    def asked(self, datagram: bytes, forward: Callable[[bytes], None], answer: Callable[[bytes], None]) -> None:
        """Pass a question on, or lose it."""
        self.heard.append(datagram)
        self.questions += 1
        if not self.lose_questions(self.questions - 1):
            forward(datagram)

    def answered(self, datagram: bytes, answer: Callable[[bytes], None]) -> None:
        """Pass an answer on: after garbage, garbled, late, several times, or not at all."""
        self.answers += 1
        if self.lose_answers(self.answers - 1):
            return
        for junk in self.garbage:
            answer(junk)
        for _ in range(self.copies):
            asyncio.get_running_loop().call_later(self.delay_s, answer, self.garble(datagram))


@contextlib.asynccontextmanager
async def relayed(bmc_port: int, manner: Manner) -> AsyncIterator[int]:
    """Run a relay before a BMC for as long as the block; gives its port."""
    port = free_port()
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Relay((LOOPBACK, port), (LOOPBACK, bmc_port), manner).run(ready), name="relay")
        await ready.wait()
        try:
            yield port
        finally:
            task.cancel()
