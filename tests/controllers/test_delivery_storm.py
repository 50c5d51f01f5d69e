"""Deliveries while everything happens at once: failures, stops, changes, new events. Nothing is lost."""

import asyncio
import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.ports.webhooks import Wanted, WebhookEdit
from fibrix.types import WebhookId
from tests.controllers.postal import OPERATOR, QUICK, Office, office
from tests.support.receiver import Delivery, Receiver

MOODS = ("204", "204", "204", "500", "reset", "redirect")


class Moody:
    """A receiver that is ill at random, until it is told to be well."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.well = False

    def __call__(self, _: Delivery) -> str:
        return "204" if self.well else self.chance.choice(MOODS)


async def meddle(o: Office, webhook: WebhookId, chance: random.Random, told: list[str]) -> None:
    """Have events, and change what does not matter to them, for a while."""
    for step in range(6):
        told += await o.tell(*[f"{step}-{number}" for number in range(chance.randrange(1, 8))])
        if chance.random() < 0.5:
            edit = WebhookEdit(name=f"billing-{step}")
            await o.postal.controller.edit(OPERATOR, webhook, edit)
        await asyncio.sleep(chance.random() * 0.05)


def is_done(o: Office, webhook: WebhookId) -> bool:
    """Whether no event waits for another attempt."""
    progress = o.postal.controller.progress(OPERATOR, webhook)
    return progress.waiting is None and progress.aside == 0


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("parallel", "hold_s"), [(1, 60.0), (1, 0.0), (5, 60.0)])
@pytest.mark.parametrize("seed", range(2))
async def test_nothing_is_lost_in_a_storm(tmp_path: Path, parallel: int, hold_s: float, seed: int) -> None:
    chance = random.Random(seed)
    moody, told = Moody(chance), list[str]()
    config = replace(QUICK, hold_s=hold_s, first_pause_s=0.01, most_pause_s=0.03)
    async with Receiver(moody).listening() as receiver:
        async with office(tmp_path, config) as o:
            webhook = (await o.hook(receiver, parallel=parallel, wants=Wanted(types=("ssh_key.",)))).id
        for _ in range(4):
            async with office(tmp_path, config) as o:
                if chance.random() < 0.3:
                    told += await o.tell("while it was stopped")
                async with o.delivering():
                    await meddle(o, webhook, chance, told)
        moody.well = True
        async with office(tmp_path, config) as o, o.delivering():
            await receiver.until(lambda: set(receiver.ids) == set(told))
            await receiver.until(lambda: is_done(o, webhook))  # what was taken just when it stopped is sent again
    if parallel == 1 and hold_s:
        assert receiver.ids == told
