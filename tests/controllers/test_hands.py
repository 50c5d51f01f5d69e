"""A machine that changes hands while somebody's request for it waits in the writer's queue."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fibrix.domain.machine import Machine
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.ports.machines import DeploySpec
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError
from fibrix.store.region import RegionUnit
from fibrix.types import TenantId
from tests.controllers.rig import Clock, Rig, rig
from tests.controllers.test_main_way import ready
from tests.fakes.power import FakePower

ACME, GLOBEX = TenantId("t000000001"), TenantId("t000000002")

Ask = Callable[[Rig, Machine], Coroutine[Any, Any, object]]


@pytest.mark.parametrize(
    ("state", "ask"),
    [
        (State.DEPLOYED, lambda r, m: r.machines.begin(m.id, Trigger.RELEASE)),
        (State.DEPLOYING, lambda r, m: r.machines.request(m.id, Trigger.ABORT)),
        (State.ALLOCATED, lambda r, m: r.machines.deploy(m.id, DeploySpec(image="debian-12"))),
    ],
    ids=["release", "abort", "deploy"],
)
async def test_a_request_that_waits_does_not_reach_the_next_tenant_s_machine(
    tmp_path: Path, state: State, ask: Ask
) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = r.region.machine(await ready(r))
        await r.ssh_keys.add(SshKey(name="me", key="ssh-ed25519 AAAA me", fingerprint="SHA256:x", tenant=ACME))

        def belong(unit: RegionUnit, tenant: TenantId) -> None:
            unit.update(replace(unit.machine(machine.id), state=state, tenant=tenant))

        await r.region.change(lambda unit: belong(unit, ACME))
        refused: list[str] = []

        async def late() -> None:
            try:
                await ask(r, machine)
            except ConflictError as exc:
                refused.append(str(exc))

        async def passed_on() -> None:
            await r.region.change(lambda unit: belong(unit, GLOBEX))

        # Both begin in one turn of the loop: the late one sees the last commit, which is ACME's.
        first, second = (passed_on, late) if state is not State.ALLOCATED else (late, passed_on)
        async with asyncio.TaskGroup() as group:
            group.create_task(first(), name="first")
            group.create_task(second(), name="second")
        after = r.region.machine(machine.id)
        assert (after.state, after.tenant) == (state, GLOBEX)
        assert refused == ["it was released or allocated while this was asked for: look at it again"]
