"""Operations on a real store: begun and ended with the machine's state, through stops, by whatever happens to it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.controllers.operations import PRUNE_AT_ONCE, OperationController, OperationKeeper
from fibrix.domain.access import REGION, Caller, Role
from fibrix.domain.account import User
from fibrix.domain.machine import Machine
from fibrix.domain.operation import Operation, OperationState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError, NotFoundError
from fibrix.runtime.scope import Scope, within
from fibrix.store.region import RegionUnit
from fibrix.types import MachineId, OperationId, TenantId, UserId
from tests.controllers.rig import INVENTORY, Clock, Rig, rig
from tests.controllers.test_main_way import BMC, spec_of_one
from tests.fakes.power import FakePower

OPERATOR = Caller(user=UserId("u000000002"), role=Role.OPERATOR)
ACME = TenantId("t000000001")
OF_ACME = Caller(user=UserId("u000000004"), role=Role.TENANT, tenant=ACME)


def controller(r: Rig) -> OperationController:
    return OperationController(r.region, r.core.lifecycle, r.shared.bus, r.core.scans.cancel)


def operations(r: Rig) -> list[Operation]:
    return list(controller(r).all(OPERATOR))


async def added(r: Rig) -> MachineId:
    return (await r.machines.add(spec_of_one())).id


async def put(r: Rig, state: State, tenant: TenantId = REGION) -> Machine:
    """Have a machine in a state; nobody asked for it."""
    machine = await added(r)

    def work(unit: RegionUnit) -> None:
        unit.update(replace(unit.machine(machine), state=state, tenant=tenant))

    await r.region.change(work)
    return r.region.machine(machine)


async def test_one_is_watched_from_the_request_to_its_end(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await r.discovered()
        await r.machines.accept(machine, BMC)
        with within(Scope(request="r1", caller=OPERATOR)):
            begun = await r.machines.begin(machine, Trigger.COMMISSION, reason="new rack")
        assert (begun.kind, begun.user, begun.request, begun.state.value) == (
            "commission",
            OPERATOR.user,
            "r1",
            "running",
        )
        assert operations(r) == [begun]
        await r.tick(machine, 4)
        secret = await r.hello(await r.boot_from_network())
        (live,) = await controller(r).live([begun])
        assert live.machine_state is State.COMMISSIONING
        assert live.deadline == r.region.machine(machine).deadline
        assert live.progress is not None
        assert (live.progress.ended, live.progress.count, live.progress.script) == (0, 1, "")
        await r.agents.order(secret)
        (live,) = await controller(r).live([begun])
        assert live.progress is not None
        assert live.progress.script == "inventory"
        await r.finish(secret, INVENTORY)
        (still,) = operations(r)
        assert (still.running, still.detail) == (True, "inventory passed")
        while r.region.machine(machine).state is State.TESTING:
            await r.finish(secret)
        (ended,) = operations(r)
        assert (ended.state, ended.ended_at) == (OperationState.SUCCEEDED, r.clock())
        assert ended.detail == r.region.machine(machine).reason
        (live,) = await controller(r).live([ended])
        assert live.machine_state is None
        kinds = [kind for kind in await r.types() if kind.startswith("operation.")]
        assert kinds == ["operation.started", "operation.ended"]


async def test_it_goes_on_after_a_restart_and_fails_with_its_machine(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = await added(r)
        begun = await r.machines.begin(machine, Trigger.COMMISSION)
        await r.tick(machine, 4)
    async with rig(tmp_path, clock, power) as r:
        assert operations(r) == [begun]
        clock.pass_(600)
        await r.tick(machine)
        (ended,) = operations(r)
        assert ended.state is OperationState.FAILED
        assert "DHCPDISCOVER" in ended.detail
    async with rig(tmp_path, clock, power) as r:
        assert operations(r) == [ended]
        again = await r.machines.begin(machine, Trigger.COMMISSION)
        assert [o.id for o in operations(r)] == [ended.id, again.id]


@pytest.mark.parametrize(
    ("trigger", "words"), [(Trigger.ABORT, "abort: no time"), (Trigger.MARK_BROKEN, "mark-broken: no time")]
)
async def test_what_somebody_else_asks_for_cancels_it(tmp_path: Path, trigger: Trigger, words: str) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await added(r)
        await r.machines.begin(machine, Trigger.COMMISSION)
        await r.machines.request(machine, trigger, reason="no time")
        (ended,) = operations(r)
        assert (ended.state, ended.detail) == (OperationState.CANCELLED, words)


async def test_a_request_that_is_refused_begins_none(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await added(r)
        await r.machines.begin(machine, Trigger.COMMISSION)
        with pytest.raises(ConflictError, match="abort"):
            await r.machines.begin(machine, Trigger.COMMISSION)
        assert len(operations(r)) == 1


async def test_of_many_at_once_one_begins_and_one_cancels(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await added(r)

        async def ended_well(work: object) -> bool:
            try:
                await work  # type: ignore[misc]
            except ConflictError:
                return False
            return True

        async with asyncio.TaskGroup() as group:
            begins = [group.create_task(ended_well(r.machines.begin(machine, Trigger.COMMISSION))) for _ in range(20)]
        assert sum(task.result() for task in begins) == 1
        (one,) = operations(r)
        async with asyncio.TaskGroup() as group:
            cancels = [group.create_task(ended_well(controller(r).cancel(one, "enough"))) for _ in range(20)]
        assert sum(task.result() for task in cancels) == 1
        assert operations(r)[0].detail == "abort: enough"


async def test_one_that_has_ended_cannot_be_cancelled_whatever_its_machine_does_by_now(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await added(r)
        first = await r.machines.begin(machine, Trigger.COMMISSION)
        await controller(r).cancel(first, "wrong machine")
        await r.machines.begin(machine, Trigger.COMMISSION)
        with pytest.raises(ConflictError, match="has ended already"):
            await controller(r).cancel(first, "again")
        assert r.region.machine(machine).state is State.COMMISSIONING


async def test_a_machine_that_was_only_allocated_is_released_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await put(r, State.ALLOCATED, ACME)
        done = await r.machines.begin(machine.id, Trigger.RELEASE)
        assert (done.state, done.ended_at, done.tenant) == (OperationState.SUCCEEDED, r.clock(), ACME)
        kinds = [kind for kind in await r.types() if kind.startswith("operation.")]
        assert kinds == ["operation.started", "operation.ended"]


async def test_a_running_one_ends_when_its_machine_is_deleted(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await put(r, State.NEW)
        left = Operation(
            id=OperationId("o1"), kind="test", machine=machine.id, machine_name="box1", created_at=r.clock()
        )
        await r.region.change(lambda unit: unit.of(Operation).insert(left))
        await r.machines.delete(machine.id)
        (ended,) = operations(r)
        assert (ended.state, ended.detail) == (OperationState.CANCELLED, "box1 was deleted")


async def test_tenants_see_their_own_and_not_which_of_the_regions_people_asked(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        for user in (OPERATOR, OF_ACME):
            made = User(id=user.user, name=user.user, role=user.role, tenant=user.tenant, created_at=r.clock())  # type: ignore[arg-type]
            await r.region.change(lambda unit, made=made: unit.of(User).insert(made))  # type: ignore[misc]
        machine = await put(r, State.FAILED_DEPLOYMENT, ACME)
        for caller in (OPERATOR, OF_ACME):
            with within(Scope(request="r", caller=caller)):
                running = await r.machines.begin(machine.id, Trigger.RELEASE)
            await controller(r).cancel(running, "for the test")
            r.clock.pass_(1)
        shown = controller(r).all(OF_ACME)
        assert [o.user for o in shown] == ["", OF_ACME.user]
        assert [o.user for o in operations(r)] == [OPERATOR.user, OF_ACME.user]
        globex = Caller(user=UserId("u000000005"), role=Role.TENANT, tenant=TenantId("t000000002"))
        assert not controller(r).all(globex)
        with pytest.raises(NotFoundError) as theirs:
            controller(r).get(shown[0].id, globex)
        with pytest.raises(NotFoundError) as nobodys:
            controller(r).get("o999999999", globex)
        assert str(theirs.value).replace(shown[0].id, "") == str(nobodys.value).replace("o999999999", "")


async def test_waiting_ends_with_the_operation_or_with_the_time(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await added(r)
        one = await r.machines.begin(machine, Trigger.COMMISSION)
        assert (await controller(r).ended(one, 0.05)).running
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waits = [group.create_task(controller(r).ended(one, 30)) for _ in range(10)]
            await asyncio.sleep(0.01)
            await r.machines.request(machine, Trigger.ABORT)
        assert {task.result().state for task in waits} == {OperationState.CANCELLED}
        assert not (await controller(r).ended(one, 30)).running


async def test_those_that_ended_long_ago_are_forgotten_and_running_ones_never(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock, FakePower()) as r:
        machine = await added(r)

        def work(unit: RegionUnit) -> None:
            for number in range(PRUNE_AT_ONCE + 3):
                ended = clock() - timedelta(days=31 if number else 29)
                unit.of(Operation).insert(
                    Operation(
                        id=OperationId(f"o{number:09}"),
                        kind="test",
                        machine=machine,
                        machine_name="box1",
                        state=OperationState.FAILED,
                        created_at=ended,
                        ended_at=ended,
                    )
                )

        await r.region.change(work)
        begun = await r.machines.begin(machine, Trigger.COMMISSION)
        keeper = OperationKeeper(r.region, 30, clock)
        assert await keeper.prune() == PRUNE_AT_ONCE + 2
        assert {o.id for o in operations(r)} == {"o000000000", begun.id}
        clock.pass_(40 * 86400)
        await keeper.prune()
        assert operations(r) == [begun]
