"""Deliveries: everything arrives, once it can, in order, and signed, as an independent verifier sees it."""

import asyncio
import sys
from functools import partial
from itertools import count, pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.account import Tenant, User
from fibrix.domain.ports.webhooks import Wanted, WebhookEdit
from fibrix.domain.webhook import Cursor, LetterState
from tests.controllers.postal import ACME, ANN, GLOBEX, OPERATOR, QUICK, office
from tests.support.receiver import ILLNESSES, Delivery, Receiver

NAMES = [f"key-{number}" for number in range(12)]


async def test_events_arrive_in_order_and_signed(tmp_path: Path) -> None:
    async with office(tmp_path) as o, Receiver().listening() as receiver, o.delivering():
        webhook = await o.hook(receiver)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: receiver.ids == told)
        first = receiver.deliveries[0]
        assert first.event["type"] == "fibrix.ssh_key.added"
        assert first.headers["content-type"].startswith("application/cloudevents+json")
        assert first.id == f"{webhook.id}-{told[0]}"
        assert len(receiver.deliveries) == len(told)


@pytest.mark.parametrize("illness", ILLNESSES)
async def test_a_receiver_that_is_ill_for_a_while_gets_everything_in_order(tmp_path: Path, illness: str) -> None:
    turn = count()
    receiver = Receiver(lambda _: illness if next(turn) in {0, 3, 4} else "200")
    async with office(tmp_path) as o, receiver.listening(), o.delivering():
        await o.hook(receiver)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: receiver.ids == told)
        delivered = [delivery.event["id"] for delivery in receiver.deliveries]
    assert delivered == sorted(delivered, key=int)  # nothing went past the one that failed
    assert not o.region.of(Cursor).all()[0].position < int(told[-1])


async def test_a_success_whose_body_never_ends_is_a_success(tmp_path: Path) -> None:
    receiver = Receiver(lambda _: "200 slow")
    async with office(tmp_path) as o, receiver.listening(), o.delivering():
        await o.hook(receiver)
        told = await o.tell("a", "b")
        await receiver.until(lambda: receiver.ids == told)
        assert len(receiver.deliveries) == 2


async def test_a_receiver_that_is_not_there_gets_everything_when_it_is(tmp_path: Path) -> None:
    receiver = Receiver()
    async with receiver.listening():
        pass  # now it has a port that refuses
    async with office(tmp_path) as o, o.delivering():
        webhook = await o.hook(receiver)
        told = await o.tell(*NAMES)

        def attempts() -> int:
            waiting = o.postal.controller.progress(OPERATOR, webhook.id).waiting
            return waiting.attempts if waiting else 0

        await receiver.until(lambda: attempts() >= 3)
        waiting = o.postal.controller.progress(OPERATOR, webhook.id).waiting
        assert waiting is not None
        assert waiting.seq == int(told[0])
        assert "could not be reached" in waiting.error
        async with receiver.listening():
            await receiver.until(lambda: receiver.ids == told)
        assert o.postal.controller.progress(OPERATOR, webhook.id).waiting is None


async def test_one_event_that_is_refused_is_moved_aside_and_the_others_go_on(tmp_path: Path) -> None:
    poison = {"on": True}

    def answer(delivery: Delivery) -> str:
        return "422" if poison["on"] and delivery.event["data"].get("name") == "key-2" else "204"

    async with office(tmp_path, replace(QUICK, hold_s=0.1)) as o, Receiver(answer).listening() as receiver:
        async with o.delivering():
            webhook = await o.hook(receiver)
            told = await o.tell(*NAMES)
            others = [number for number in told if number != told[2]]
            await receiver.until(lambda: receiver.ids == others)
            progress = o.postal.controller.progress(OPERATOR, webhook.id)
            assert (progress.waiting, progress.aside, progress.dead) == (None, 1, 0)
            poison["on"] = False
            await receiver.until(lambda: receiver.ids == [*others, told[2]])
        assert not o.postal.controller.dead(OPERATOR, webhook.id)


async def test_a_receiver_that_is_down_keeps_the_order_however_long_it_is_down(tmp_path: Path) -> None:
    ill = {"on": True}
    receiver = Receiver(lambda _: "503" if ill["on"] else "204")
    async with office(tmp_path, replace(QUICK, hold_s=0.1)) as o, receiver.listening(), o.delivering():
        webhook = await o.hook(receiver)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: len(receiver.deliveries) > 12)
        assert {d.event["id"] for d in receiver.deliveries} == set(told[:2])  # the first, and one to look with
        ill["on"] = False
        await receiver.until(lambda: len(receiver.ids) == len(told))
        assert set(receiver.ids[:2]) == set(told[:2])
        assert receiver.ids[2:] == told[2:]
        assert o.postal.controller.progress(OPERATOR, webhook.id).dead == 0


async def test_what_cannot_be_delivered_in_time_is_a_dead_letter_and_can_be_replayed(tmp_path: Path) -> None:
    ill = {"on": True}
    receiver = Receiver(lambda d: "500" if ill["on"] and d.event["data"].get("name") == "key-0" else "204")
    config = replace(QUICK, retry_s=0.3)
    async with office(tmp_path, config) as o, receiver.listening(), o.delivering():
        webhook = await o.hook(receiver)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: receiver.ids == told[1:])
        (letter,) = o.postal.controller.dead(OPERATOR, webhook.id)
        assert (letter.seq, letter.status, letter.attempts > 2) == (int(told[0]), 500, True)
        assert "what it says" in letter.error
        assert "\x1b" not in letter.error
        assert "webhook.dead_letter" in await o.types()
        ill["on"] = False
        assert await o.postal.controller.replay(OPERATOR, webhook.id, letter.id) == 1
        await receiver.until(lambda: receiver.ids == [*told[1:], told[0]])
        await receiver.until(lambda: not o.postal.controller.progress(OPERATOR, webhook.id).aside)
        assert receiver.taken[-1].id == letter.id
        assert not o.postal.controller.dead(OPERATOR, webhook.id)


async def test_dead_letters_are_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    config = replace(QUICK, retry_s=0.0, dead_letters=3)
    async with office(tmp_path, config) as o, Receiver(lambda _: "500").listening() as receiver, o.delivering():
        webhook = await o.hook(receiver)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: len(receiver.deliveries) == len(told))
        await receiver.until(lambda: o.postal.controller.progress(OPERATOR, webhook.id).position == int(told[-1]))
        assert [str(letter.seq) for letter in o.postal.controller.dead(OPERATOR, webhook.id)] == told[-3:]
        assert await o.postal.controller.drop(OPERATOR, webhook.id) == 3


async def test_410_disables_and_what_follows_is_delivered_once_it_is_enabled(tmp_path: Path) -> None:
    said = {"status": "410"}
    async with office(tmp_path) as o, Receiver(lambda _: said["status"]).listening() as receiver, o.delivering():
        webhook = await o.hook(receiver)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: not o.postal.controller.find(OPERATOR, webhook.id).enabled)
        found = o.postal.controller.find(OPERATOR, "billing")
        assert "410" in found.fault
        assert len(receiver.deliveries) == 1
        assert "webhook.disabled" in await o.types()
        said["status"] = "204"
        assert (await o.postal.controller.edit(OPERATOR, webhook.id, WebhookEdit(enabled=True))).fault == ""
        await receiver.until(lambda: receiver.ids == told)


async def test_several_at_once_deliver_everything_in_any_order(tmp_path: Path) -> None:
    turn = count()
    receiver = Receiver(lambda _: "500" if next(turn) % 3 == 0 else "204")
    async with office(tmp_path) as o, receiver.listening(), o.delivering():
        await o.hook(receiver, parallel=4)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: sorted(receiver.ids, key=int) == told)


async def test_a_receiver_that_hangs_delays_nobody_else(tmp_path: Path) -> None:
    config = replace(QUICK, timeout_s=5.0, at_once=16)
    async with office(tmp_path, config) as o, Receiver(lambda _: "hang").listening() as dead, o.delivering():
        for number in range(6):
            await o.hook(dead, name=f"dead-{number}", parallel=16)
        await o.tell(*[f"before-{number}" for number in range(200)])
        async with Receiver().listening() as receiver:
            await o.hook(receiver)
            told = await o.tell(*NAMES)
            async with asyncio.timeout(2):
                await receiver.until(lambda: receiver.ids == told)


async def test_a_tenant_is_told_of_its_own_events_only(tmp_path: Path) -> None:
    async with office(tmp_path) as o, Receiver().listening() as receiver, o.delivering():
        await o.hook(receiver, ANN)
        await o.tell("region", "region-2")
        await o.tell("globex", tenant=GLOBEX)
        mine = await o.tell("acme", tenant=ACME)
        await o.tell("globex", tenant=GLOBEX)
        mine += await o.tell("acme-2", tenant=ACME)
        await receiver.until(lambda: receiver.ids == mine)
        assert {delivery.event["tenant"] for delivery in receiver.deliveries} == {ACME}


async def test_only_what_is_wanted_is_sent(tmp_path: Path) -> None:
    async with office(tmp_path) as o, Receiver().listening() as receiver, o.delivering():
        await o.hook(receiver, wants=Wanted(types=("fibrix.ssh_key.*",), subject="ssh-keys/b"))
        await o.tell("a")
        (told,) = await o.tell("b")
        await o.tell("c")
        await receiver.until(lambda: receiver.ids == [told])
        lane = next(iter(o.postal.service._lanes.values()))[0]
        await receiver.until(lambda: lane.position == o.region.journal.head)  # passed by without an attempt
        assert len(receiver.deliveries) == 1


async def test_since_a_number_begins_there_and_what_is_no_longer_kept_is_told_as_a_gap(tmp_path: Path) -> None:
    async with office(tmp_path) as o, Receiver().listening() as receiver, o.delivering():
        told = await o.tell(*NAMES)
        webhook = await o.hook(receiver, since=int(told[8]))
        await receiver.until(lambda: receiver.ids[:3] == told[9:])
        await o.region.journal.prune(keep=3)
        oldest = o.region.journal.oldest
        await o.postal.controller.edit(OPERATOR, webhook.id, WebhookEdit(since=0))
        await receiver.until(lambda: f"gap-{oldest - 1}" in receiver.ids)
        gap = next(d for d in receiver.deliveries if d.event["type"] == "fibrix.gap")
        assert gap.event["data"] == {"oldest": oldest}


async def test_a_rotated_secret_and_the_one_before_both_verify(tmp_path: Path) -> None:
    async with office(tmp_path) as o, Receiver().listening() as receiver, o.delivering():
        webhook = await o.hook(receiver)
        _, secret = await o.postal.controller.rotate(OPERATOR, webhook.id)
        assert secret not in receiver.secrets
        receiver.secrets.append(secret)
        told = await o.tell(*NAMES)
        await receiver.until(lambda: receiver.ids == told)
        assert {len(d.headers["webhook-signature"].split()) for d in receiver.deliveries} == {2}


async def test_the_old_secret_ends_with_the_overlap(tmp_path: Path) -> None:
    config = replace(QUICK, overlap_s=0)
    async with office(tmp_path, config) as o, Receiver().listening() as receiver, o.delivering():
        webhook = await o.hook(receiver)
        receiver.secrets = [(await o.postal.controller.rotate(OPERATOR, webhook.id))[1]]
        told = await o.tell("a")
        await receiver.until(lambda: receiver.ids == told)
        assert len(receiver.deliveries[0].headers["webhook-signature"].split()) == 1


async def test_a_webhook_ends_with_the_rights_of_who_answers_for_it_and_with_its_tenant(tmp_path: Path) -> None:
    async with office(tmp_path) as o, Receiver().listening() as receiver, o.delivering():
        operators = await o.hook(receiver)
        await o.hook(receiver, ANN)
        await receiver.until(lambda: o.postal.service.lanes == 2)

        def work(unit: object) -> None:
            region_unit = o.region.of(User).get(OPERATOR.user)
            unit.of(User).update(replace(region_unit, disabled=True))  # type: ignore[attr-defined]
            unit.of(Tenant).delete(ACME)  # type: ignore[attr-defined]

        await o.region.change(work)
        await o.tell("secret", tenant=ACME)  # before anybody has looked: the attempt itself looks
        await receiver.until(lambda: o.postal.service.lanes == 0)
        assert receiver.deliveries == []
        assert "disabled" in o.postal.controller.find(OPERATOR, operators.id).fault
        assert [w.id for w in o.postal.controller.all(OPERATOR)] == [operators.id]


async def test_a_stop_and_a_start_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    ill = {"on": True}
    receiver = Receiver(lambda d: "503" if ill["on"] and int(d.event["id"]) > 8 else "204")
    async with receiver.listening():
        async with office(tmp_path) as o, o.delivering():
            webhook = await o.hook(receiver)
            told = await o.tell(*NAMES)
            await receiver.until(lambda: len(receiver.deliveries) > len(receiver.ids) + 2)
        async with office(tmp_path) as o:
            (letter,) = o.postal.service._room.letters(webhook.id, LetterState.WAITING)
            assert letter.attempts >= 2
            before = len(receiver.deliveries)
            ill["on"] = False
            async with o.delivering():
                await receiver.until(lambda: receiver.ids == told)
        assert receiver.deliveries[before].id == letter.id  # what was waiting came first, and nothing twice
        assert [d.event["id"] for d in receiver.taken] == told


@pytest.mark.timeout(40)
async def test_a_controller_that_is_killed_delivers_at_least_once_and_in_order(tmp_path: Path) -> None:
    async with Receiver().listening() as receiver:
        async with office(tmp_path) as o:
            await o.hook(receiver)
            told = [number for names in range(10) for number in await o.tell(*[f"k{names}-{n}" for n in range(60)])]
        for _ in range(4):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.controllers.post_once", str(tmp_path), cwd=Path(__file__).parents[2]
            )
            enough = len(receiver.deliveries) + 70
            await receiver.until(partial(lambda most: len(receiver.deliveries) > most, enough))
            process.kill()
            await process.wait()
        async with office(tmp_path) as o, o.delivering():
            await receiver.until(lambda: receiver.ids == told)
        runs = [int(d.event["id"]) for d in receiver.taken]
        assert all(after <= before + 1 for before, after in pairwise(runs))  # no step was left out
