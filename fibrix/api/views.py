"""Machines as the API shows them: without hashes of secrets, what may hold secrets, and what the caller may not see."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from fibrix.domain.access import Caller, Role
from fibrix.domain.holding import as_held
from fibrix.domain.machine import Boots, Hardware, Machine, ScriptRun, Sighting, Stage
from fibrix.domain.power import PowerSettings, PowerState
from fibrix.domain.state import State
from fibrix.types import BootId, MacAddress, MachineId, TenantId

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment, in RFC 3339 with Z."""

_SECRET_PARAMETERS: Final = frozenset({"metadata_url"})  # its URL is all that guards a machine's metadata
_HIDDEN: Final = "(hidden)"


class BootView(msgspec.Struct, frozen=True, kw_only=True):
    """The boot that is under way, or was the last."""

    id: BootId
    boots: Boots
    stage: Stage
    seen: tuple[Sighting, ...]
    heard_at: Time | None
    agent: str
    wind_down: bool
    fault: str


class DeploymentView(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed, or being installed. User data may hold passwords: only its size is shown."""

    image: str
    sha256: str
    disk: str
    size_bytes: int
    hostname: str
    ssh_keys: tuple[str, ...]
    user_data_bytes: int = 0
    written: bool
    reported_at: Time | None


class MachineView(msgspec.Struct, frozen=True, kw_only=True):
    """A managed machine."""

    id: MachineId
    name: str
    state: State
    since: Time
    reason: str
    deadline: Time | None
    accepted: bool
    macs: tuple[MacAddress, ...]
    uuid: str
    uefi: bool
    address: str
    power: PowerSettings | None  # null: not for a tenant to know
    power_state: PowerState
    power_detail: str
    power_at: Time | None
    hardware: Hardware | None
    boot: BootView | None
    deployment: DeploymentView | None
    tenant: TenantId  # whom it is allocated to; empty: nobody but the region itself
    allocated_at: Time | None
    pool: str
    zone: str
    tags: tuple[str, ...]
    created_at: Time
    revision: int


def machine_view(machine: Machine, caller: Caller) -> MachineView:
    """Show a machine that the caller sees; a tenant's users without what is the region's, or was before.

    There are two views of a machine only: a tenant's, the same for all users of the tenant that has it, and the
    region's.
    """
    if caller.role is Role.TENANT:
        return msgspec.structs.replace(_view(as_held(machine)), power=None)
    return _view(machine)


def _view(machine: Machine) -> MachineView:
    view = msgspec.convert(machine, MachineView, from_attributes=True)
    if view.deployment is None or machine.deployment is None:
        return view
    size = len(machine.deployment.user_data.encode())
    deployment = msgspec.structs.replace(view.deployment, user_data_bytes=size)
    return msgspec.structs.replace(view, deployment=deployment)


def run_view(run: ScriptRun) -> ScriptRun:
    """Show a script run, without the parameters that are secrets."""
    if not _SECRET_PARAMETERS & run.parameters.keys():
        return run
    shown = {name: _HIDDEN if name in _SECRET_PARAMETERS else value for name, value in run.parameters.items()}
    return msgspec.structs.replace(run, parameters=shown)
