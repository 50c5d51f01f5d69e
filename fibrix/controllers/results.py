"""What a script's result changes: its run, and for some scripts the machine."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from fibrix.controllers.ports import Unit
from fibrix.domain.identity import sane_uuid
from fibrix.domain.machine import Hardware, Machine, RunStatus, ScriptRun
from fibrix.domain.ports.agents import RunResult
from fibrix.domain.state import State
from fibrix.errors import ConflictError
from fibrix.events.machine import MachineUpdated, ScriptEnded


def take_result(unit: Unit, machine: Machine, run: ScriptRun, result: RunResult, now: datetime) -> None:
    """Store a result in the unit, with what follows from it, and tell of it."""
    status, reason = _status(result)
    if status is RunStatus.PASSED:
        try:
            _take_values(unit, machine, run, result, now)
        except (msgspec.ValidationError, ConflictError) as exc:
            status, reason = RunStatus.FAILED, f"what it found cannot be used: {exc}"
    ended = replace(
        run, status=status, ended_at=now, exit_status=result.exit_status, values=result.values, reason=reason
    )
    unit.update_run(ended)
    unit.append(
        ScriptEnded(
            at=now,
            machine=machine.id,
            name=machine.name,
            run=run.id,
            script=run.script,
            status=status.value,
            exit_status=result.exit_status,
            reason=reason,
        )
    )


def _status(result: RunResult) -> tuple[RunStatus, str]:
    if result.timed_out:
        return RunStatus.TIMED_OUT, result.reason or "it ran longer than it may"
    if result.aborted:
        return RunStatus.ABORTED, result.reason or "it was aborted"
    if result.exit_status != 0:
        return RunStatus.FAILED, result.reason or f"exit status {result.exit_status}"
    return RunStatus.PASSED, ""


def _take_values(unit: Unit, machine: Machine, run: ScriptRun, result: RunResult, now: datetime) -> None:
    """Use the named values of those scripts whose findings belong to the machine."""
    if run.state is State.COMMISSIONING and "interfaces" in result.values:
        _take_inventory(unit, machine, result, now)
    if run.state is State.DEPLOYING:
        _take_disk(unit, machine, result)


def _take_inventory(unit: Unit, machine: Machine, result: RunResult, now: datetime) -> None:
    hardware = msgspec.json.decode(msgspec.json.encode(result.values), type=Hardware)
    macs = dict.fromkeys((*machine.macs, *(i.mac for i in hardware.interfaces)))
    after = replace(
        machine,
        hardware=hardware,
        macs=tuple(macs),
        uuid=sane_uuid(hardware.uuid) or machine.uuid,
        uefi=hardware.firmware == "uefi",
    )
    unit.update(after)
    unit.append(MachineUpdated(at=now, machine=machine.id, name=machine.name, fields=("hardware",)))


def _take_disk(unit: Unit, machine: Machine, result: RunResult) -> None:
    """Note which disk the image was written to."""
    if machine.deployment is None or "disk" not in result.values:
        return
    name = msgspec.json.decode(result.values["disk"], type=str)
    unit.update(replace(machine, deployment=replace(machine.deployment, disk=name)))
