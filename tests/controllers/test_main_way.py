"""One machine's whole life, as the deciding half of the controller sees it; and the same through stops and starts."""

from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.machine import Machine, Stage
from fibrix.domain.ports.agents import Heartbeat, Hello
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.ports.machines import AcceptSpec, DeploySpec, MachineSpec
from fibrix.domain.power import PowerKind, PowerSettings, PowerState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError, InvalidError, UnauthorizedError
from fibrix.types import MachineId
from tests.controllers.rig import INVENTORY, MAC, OPERATOR, Clock, Rig, rig
from tests.fakes.power import FakePower

BMC = AcceptSpec(
    name="box1", power=PowerSettings(kind=PowerKind.IPMI, address="192.168.1.201", username="admin"), power_password="x"
)


async def commissioned(r: Rig, machine: MachineId) -> str:
    """Accept a discovered machine and bring it to Testing; gives the session's secret."""
    await r.machines.accept(machine, BMC)
    await r.machines.request(machine, Trigger.COMMISSION)
    await r.tick(machine, 4)
    secret = await r.hello(await r.boot_from_network())
    assert await r.finish(secret, INVENTORY) == "inventory"
    return secret


async def ready(r: Rig) -> MachineId:
    """Bring a fresh machine to Ready, switched off."""
    machine = await r.discovered()
    secret = await commissioned(r, machine)
    while r.region.machine(machine).state is State.TESTING:
        await r.finish(secret)
    assert (await r.agents.order(secret)).kind == "power-off"
    r.power.states.clear()
    await r.tick(machine, 2)
    return machine


async def test_a_machine_goes_from_discovered_to_deployed_and_back_to_ready(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await ready(r)
        assert r.region.machine(machine).state is State.READY
        assert r.region.machine(machine).macs == (MAC, "52:54:00:00:00:02")
        await r.ssh_keys.add(SshKey(name="me", key="ssh-ed25519 AAAA me", fingerprint="SHA256:x"))

        await r.machines.deploy(machine, DeploySpec(image="debian-12"))
        await r.tick(machine, 4)
        secret = await r.hello(await r.boot_from_network())
        order = await r.agents.order(secret)
        assert order.parameters["image_url"] == "http://192.168.1.1:5248/images/debian-12/disk.raw.zst"
        metadata = order.parameters["metadata_url"].removesuffix("/").rsplit("/", 1)[1]
        await r.finish(secret, {"disk": "sda", "bytes": 10**9})
        assert (await r.agents.order(secret)).kind == "power-off"
        r.power.states.clear()
        await r.tick(machine, 4)
        assert r.snapshot.value.boot[MAC].action.value == "disk"
        found, deployment = r.metadata.instance(metadata)
        assert (found.id, deployment.disk) == (machine, "sda")
        await r.metadata.report(metadata, "box1", {})
        assert r.region.machine(machine).state is State.DEPLOYED

        await r.machines.request(machine, Trigger.RELEASE)
        await r.tick(machine, 5)
        secret = await r.hello(await r.boot_from_network())
        assert await r.finish(secret) == "disk-wipe-quick"
        after = r.region.machine(machine)
        assert (after.state, after.deployment) == (State.READY, None)
        # waiting in iPXE: no cycle; deploy: on, then from disk; release: off and on
        assert r.power.acted == ["on", "on", "off", "on"]


async def test_what_is_stored_carries_a_boot_through_stops_at_every_step(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = (await r.machines.add(spec_of_one())).id
        await r.machines.request(machine, Trigger.COMMISSION)
    for _ in range(6):  # each look at the machine is by another process
        async with rig(tmp_path, clock, power) as r:
            await r.tick(machine)
    assert power.acted == ["on"]
    async with rig(tmp_path, clock, power) as r:
        token = await r.boot_from_network()
    async with rig(tmp_path, clock, power) as r:
        secret = await r.hello(token)
        first = await r.agents.order(secret)
    async with rig(tmp_path, clock, power) as r:
        assert (await r.agents.order(secret)) == first
        await r.finish(secret, INVENTORY)
        boot = r.region.machine(machine).boot
        assert boot is not None
        assert boot.stage is Stage.SCRIPTS
        seqs = [entry.seq for entry in await r.region.journal.since(0)]
        assert seqs == list(range(1, len(seqs) + 1))
    assert power.acted == ["on"]


def spec_of_one() -> MachineSpec:
    return MachineSpec(macs=(MAC,), name="box1", power=BMC.power or PowerSettings(), power_password="x")


async def test_a_token_is_good_for_one_session_of_one_boot(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await r.discovered()
        await r.machines.accept(machine, BMC)
        await r.machines.request(machine, Trigger.COMMISSION)
        assert r.snapshot.value.boot[MAC].token == "", "nothing is expected before it is switched on"
        await r.tick(machine, 4)
        token = await r.boot_from_network()
        hello = Hello(mac=MAC, secret="5" * 64)
        await r.agents.hello(token, hello, address="192.168.1.100")
        await r.agents.hello(token, hello, address="192.168.1.100")  # its first answer was lost
        with pytest.raises(UnauthorizedError, match="spent"):
            await r.agents.hello(token, Hello(mac=MAC, secret="6" * 64), address="192.168.1.66")
        with pytest.raises(UnauthorizedError, match="not of this machine"):
            await r.agents.hello("0" * 64, hello, address="192.168.1.66")
        assert (await r.types()).count("machine.boot_refused") == 2
        assert r.snapshot.value.boot[MAC].token == ""


async def test_nothing_is_done_to_a_machine_that_nobody_accepted(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await r.discovered()
        with pytest.raises(ConflictError, match="not accepted"):
            await r.machines.request(machine, Trigger.COMMISSION)
        assert r.machines.why(machine, OPERATOR).next_steps == ("accept",)
        assert not r.snapshot.value.bmcs


async def test_an_abort_stops_the_script_and_switches_the_machine_off(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await r.discovered()
        secret = await commissioned(r, machine)
        order = await r.agents.order(secret)
        assert not await r.agents.heartbeat(secret, Heartbeat(run=order.run))
        await r.machines.request(machine, Trigger.ABORT)
        assert await r.agents.heartbeat(secret, Heartbeat(run=order.run))
        assert (await r.agents.order(secret)).kind == "power-off"
        assert r.region.machine(machine).state is State.FAILED_TESTING
        assert {run.status.value for run in (await r.machines.runs(machine, OPERATOR))[:-1]} == {"aborted"}


async def test_a_failed_test_is_told_with_what_the_script_said(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await r.discovered()
        secret = await commissioned(r, machine)
        failed = await r.finish(secret, exit_status=1)
        while r.region.machine(machine).state is State.TESTING:
            await r.finish(secret)
        why = r.machines.why(machine, OPERATOR)
        assert (why.state, why.reason) == ("Failed testing", f"{failed} failed: bad RAM")
        assert "override" in why.next_steps


async def test_an_agent_that_falls_silent_is_given_up_with_what_it_was_doing(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock, FakePower()) as r:
        machine = await r.discovered()
        secret = await commissioned(r, machine)
        script = (await r.agents.order(secret)).script
        clock.pass_(59)
        await r.tick(machine)
        assert r.region.machine(machine).state is State.TESTING
        await r.tick(machine, 2)
        assert r.region.machine(machine).state is State.FAILED_TESTING
        assert script in r.region.machine(machine).reason


async def test_a_machine_that_comes_back_to_network_boot_in_mid_script_has_crashed(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await r.discovered()
        secret = await commissioned(r, machine)
        await r.agents.order(secret)
        await r.boot_from_network()
        assert r.region.machine(machine).state is State.FAILED_TESTING
        assert "came back to network boot" in r.region.machine(machine).reason


async def test_a_bmc_that_fails_is_named_while_it_does_and_when_it_is_given_up(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    power.broken = "192.168.1.201 refuses the password of admin"
    async with rig(tmp_path, clock, power) as r:
        machine = (await r.machines.add(spec_of_one())).id
        await r.machines.request(machine, Trigger.COMMISSION)
        await r.tick(machine, 2)
        awaited = r.machines.why(machine, OPERATOR).awaited
        assert awaited is not None
        assert "refuses the password" in awaited.what
        clock.pass_(120)
        await r.tick(machine)
        after = r.region.machine(machine)
        assert after.state is State.FAILED_COMMISSIONING
        assert "refuses the password" in after.reason
        assert power.acted == []


async def test_a_machine_that_never_boots_from_the_network_is_given_up_and_switched_off(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = (await r.machines.add(spec_of_one())).id
        await r.machines.request(machine, Trigger.COMMISSION)
        await r.tick(machine, 4)
        clock.pass_(600)
        await r.tick(machine, 2)
        why = r.machines.why(machine, OPERATOR)
        assert why.state == "Failed commissioning"
        assert "DHCPDISCOVER" in why.reason
        assert power.acted == ["on", "off"]


async def test_what_a_deployment_lacks_is_told_before_the_machine_is_touched(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = await ready(r)
        with pytest.raises(InvalidError, match="no SSH key"):
            await r.machines.deploy(machine, DeploySpec(image="debian-12"))
        await r.ssh_keys.add(SshKey(name="me", key="ssh-ed25519 AAAA me", fingerprint="SHA256:x"))
        for spec, fault in (
            (DeploySpec(image="plan9"), "no image is named 'plan9'; there are: debian-12"),
            (DeploySpec(image="debian-12", disk="sdz"), "has no disk 'sdz'; it has: sda"),
            (DeploySpec(image="debian-12", ssh_keys=("you",)), "no SSH key is named 'you'"),
            (DeploySpec(image="debian-12", hostname="a_b"), "cannot be a host name"),
        ):
            with pytest.raises(InvalidError, match=fault):
                await r.machines.deploy(machine, spec)
        assert r.region.machine(machine).state is State.READY


async def test_two_machines_cannot_have_one_name_or_one_mac(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        await r.machines.add(spec_of_one())
        with pytest.raises(ConflictError, match="box1"):
            await r.machines.add(MachineSpec(macs=("52:54:00:00:00:09",), name="box1"))
        with pytest.raises(ConflictError, match=MAC):
            await r.machines.add(MachineSpec(macs=(MAC,), name="box2"))
        assert [m.name for m in r.region.machines()] == ["box1"]


@pytest.mark.parametrize("kind", [PowerKind.WOL, PowerKind.MANUAL])
async def test_a_machine_without_a_bmc_is_asked_for_and_restarts_itself_into_its_system(
    tmp_path: Path, kind: PowerKind
) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as r:
        machine = (await r.machines.add(MachineSpec(macs=(MAC,), name="box1", power=PowerSettings(kind=kind)))).id
        r.power.states[machine] = PowerState.UNKNOWN
        await r.ssh_keys.add(SshKey(name="me", key="ssh-ed25519 AAAA me", fingerprint="SHA256:x"))
        await r.machines.request(machine, Trigger.COMMISSION)
        await r.tick(machine, 3)
        assert r.power.acted == ["on"]
        boot = r.region.machine(machine).boot
        assert boot is not None
        assert boot.fault == ""
        secret = await r.hello(await r.boot_from_network())
        await r.finish(secret, INVENTORY)
        while r.region.machine(machine).state is State.TESTING:
            await r.finish(secret)
        assert (await r.agents.order(secret)).kind == "power-off"

        await r.machines.deploy(machine, DeploySpec(image="debian-12"))
        secret = await r.hello(await r.boot_from_network(), secret="7" * 64)
        await r.finish(secret, {"disk": "sda"})
        assert (await r.agents.order(secret)).kind == "reboot"
        assert r.snapshot.value.boot[MAC].action.value == "disk"


async def test_a_report_that_was_stored_just_before_the_end_counts_after_the_start(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = await ready(r)
        await r.ssh_keys.add(SshKey(name="me", key="ssh-ed25519 AAAA me", fingerprint="SHA256:x"))
        await r.machines.deploy(machine, DeploySpec(image="debian-12"))
        await r.tick(machine, 4)
        await r.finish(await r.hello(await r.boot_from_network()), {"disk": "sda"})
        reported = replace_deployment(r.region.machine(machine), clock())
        await r.region.change(lambda unit: unit.update(reported))  # killed before it drew the conclusion
    async with rig(tmp_path, clock, power) as r:
        assert r.region.machine(machine).state is State.DEPLOYING
        await r.tick(machine)
        assert r.region.machine(machine).state is State.DEPLOYED


def replace_deployment(machine: Machine, at: datetime) -> Machine:
    assert machine.deployment is not None
    return replace(machine, deployment=replace(machine.deployment, reported_at=at))
