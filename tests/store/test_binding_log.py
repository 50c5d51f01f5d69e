"""Bindings are a log: whatever was appended, dropped and reopened, the newest row of an address counts."""

import asyncio
import tempfile
from collections.abc import Sequence
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.binding import Binding, BindingState
from fibrix.errors import ConflictError
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress, mac_from_octets

FIRST: Final = int(IPv4Address("10.77.0.100"))
REFUSED: Final = "refused"  # a host name that the disk will not have
TRAP: Final = f"""
    CREATE TRIGGER IF NOT EXISTS trap BEFORE INSERT ON binding_log WHEN new.hostname = '{REFUSED}'
    BEGIN SELECT raise(ABORT, 'this one is refused'); END
"""


def machine(number: int) -> MacAddress:
    return mac_from_octets(b"\x06\0\0\0" + number.to_bytes(2))


def bound(place: int, *, owner: int, at: int = 1, left: int = 0) -> Binding:
    return Binding(
        number=FIRST + place,
        subnet="rack",
        mac=machine(owner),
        state=BindingState.BOUND,
        since_us=at,
        until_us=at + 600,
        left=left,
    )


class Server:
    """Decides as the DHCP service does, in the plainest way, and commits what it decided."""

    def __init__(self, path: Path, let_stand: int, piece: int, *, in_place: bool) -> None:
        """`in_place`: what replaces a binding that was not committed yet stands in its place."""
        self.path = path
        self.let_stand = let_stand
        self.piece = piece
        self.in_place = in_place
        self.memory: dict[int, Binding] = {}
        self.waiting: list[Binding] = []
        self.commits: dict[int, int] = {}  # by address, the commit that it was last in
        self.shift_us = 0
        self.clock = count(1_000, 10)

    async def play(self, steps: "Sequence[Step]") -> None:
        """Do the steps, opening the store anew at each `reopen`."""
        todo = iter([*steps, ("commit", 0, 0)])
        while (step := next(todo, None)) is not None:
            async with Database(self.path, "rack") as database:
                await database.write(lambda tx: tx.execute(TRAP))
                bindings = Bindings(database, let_stand=self.let_stand, piece=self.piece)
                await self.check(bindings)
                while step is not None and step[0] != "reopen":
                    await self.do(bindings, *step)
                    step = next(todo, None)
                await self.commit(bindings)
        async with Database(self.path, "rack") as database:
            await self.check(Bindings(database))

    async def check(self, bindings: Bindings) -> None:
        stored = await bindings.all()
        assert {one.number: one for one in stored} == {
            number: replace(one, left=0) for number, one in self.memory.items()
        }
        order = [self.commits[one.number] for one in stored]
        assert order == sorted(order)

    async def do(self, bindings: Bindings, what: str, owner: int, place: int) -> None:
        number, mac, now = FIRST + place, machine(owner), next(self.clock) + self.shift_us
        here = self.memory.get(number)
        match what:
            case "bind":
                self.bind(bound(place, owner=owner, at=now))
            case "release" if here is not None and here.mac == mac and here.state is BindingState.BOUND:
                self.keep(replace(here, state=BindingState.RELEASED, until_us=now, left=0))
            case "decline":
                self.keep(replace(bound(place, owner=owner, at=now), state=BindingState.DECLINED))
            case "shift":
                by_us = (place - 3) * 1_000_000
                self.memory = {one.number: one.shifted(by_us) for one in self.memory.values()}
                self.waiting = [one.shifted(by_us) for one in self.waiting]
                self.shift_us += by_us
                await self.commit(bindings, by_us)
            case "fail":
                refused = bound(place, owner=owner, at=now)
                with pytest.raises(ConflictError):
                    await bindings.commit([*self.waiting, replace(refused, hostname=REFUSED)])
            case "read":
                await self.commit(bindings)
                await self.check(bindings)
            case _:  # a release of what it does not have, too
                await self.commit(bindings)

    def bind(self, new: Binding) -> None:
        mine = [one for one in self.memory.values() if one.mac == new.mac and one.state is not BindingState.DECLINED]
        for before in mine:
            if before.number == new.number:
                new = replace(new, since_us=before.since_us)
            else:
                new = replace(new, left=before.number)
                del self.memory[before.number]
        self.keep(new)

    def keep(self, binding: Binding) -> None:
        self.memory[binding.number] = binding
        places = [place for place, one in enumerate(self.waiting) if one.number == binding.number]
        before = self.waiting[places[-1]] if places and self.in_place else None
        if before is None or (before.left and (binding.left or before.mac != binding.mac)):
            self.waiting.append(binding)
        else:
            self.waiting[places[-1]] = replace(binding, left=binding.left or before.left)

    async def commit(self, bindings: Bindings, shift_us: int = 0) -> None:
        await bindings.commit(self.waiting, shift_us=shift_us)
        self.commits |= dict.fromkeys((one.number for one in self.waiting), max(self.commits.values(), default=0) + 1)
        self.waiting = []


Step: TypeAlias = tuple[str, int, int]
WHAT: Final = ["bind"] * 8 + ["commit"] * 4 + ["release", "decline", "shift", "fail", "read", "reopen"]
STEPS: Final = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 3), st.integers(0, 5)), max_size=40)


@settings(max_examples=80)
@given(steps=STEPS, let_stand=st.sampled_from([0, 4, 10_000]), piece=st.sampled_from([1, 256]), in_place=st.booleans())
def test_whatever_happens_the_store_has_what_the_server_promised(
    *, steps: list[Step], let_stand: int, piece: int, in_place: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(Server(Path(folder) / "rack.db", let_stand, piece, in_place=in_place).play(steps))
