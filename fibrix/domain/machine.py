"""A machine: what it is, where it is in its life, and the boot that is under way."""

from datetime import datetime
from enum import Enum
from typing import Final

import msgspec

from fibrix.domain.power import PowerAction, PowerSettings, PowerState
from fibrix.domain.state import State
from fibrix.types import BootId, MacAddress, MachineId, RunId, TenantId


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """A network interface as the inventory found it."""

    mac: MacAddress
    name: str = ""
    driver: str = ""
    speed_mbps: int | None = None
    link: bool | None = None
    neighbour: str = ""  # what LLDP says is at the other end: system name and port


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk as the inventory found it."""

    name: str  # of the kernel, `sda`
    size_bytes: int
    serial: str = ""
    model: str = ""
    block_bytes: int = 512
    rotational: bool | None = None
    removable: bool = False
    smart: str = ""  # "passed", "failed" or "" where the disk does not say


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """What commissioning found: the inventory script's values."""

    cpu_model: str = ""
    cpu_count: int = 0  # logical
    memory_bytes: int = 0
    vendor: str = ""
    product: str = ""
    serial: str = ""
    uuid: str = ""
    firmware: str = ""  # "bios" or "uefi"
    bmc_address: str = ""
    bmc_version: str = ""  # of IPMI: "1.5", "2.0"
    interfaces: tuple[Interface, ...] = ()
    disks: tuple[Disk, ...] = ()


class Stage(Enum):
    """The steps of one boot, in order; what is stored is the last one reached."""

    ASKED = "asked"  # nothing has been done yet
    POWERING_OFF = "powering off"
    OFF = "off"
    POWERING_ON = "powering on"
    POWERED_ON = "powered on"
    DISCOVER = "DHCPDISCOVER"
    BOOT_FILE = "boot file"
    BOOT_SCRIPT = "boot script"
    KERNEL = "kernel"
    AGENT = "agent"
    SCRIPTS = "scripts"
    DONE = "done"  # all scripts have reported; for an installed system: it reported in


STAGES: Final = tuple(Stage)
"""All stages in order."""


class Boots(Enum):
    """What a boot is meant to bring up."""

    EPHEMERAL = "ephemeral"
    INSTALLED = "installed"


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a boot and when it was reached."""

    stage: Stage
    at: datetime
    detail: str = ""


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """One boot that was asked for, and how far it has come.

    The boot token is not stored: it is derived from the boot's id and the controller's key, and spent once there is a
    session. Of the session's secret only the SHA-256 is kept.
    """

    id: BootId
    boots: Boots
    stage: Stage = Stage.ASKED
    seen: tuple[Sighting, ...] = ()
    session_hash: str = ""  # SHA-256 of the agent's session secret, in hex; empty: no agent yet, the token is good
    heard_at: datetime | None = None  # when the agent was last heard
    agent: str = ""  # the agent's version
    wind_down: bool = False  # nothing more is wanted of it but that the machine goes off
    asking: PowerAction | None = None  # of its power supply, or about to; that it was done is not told yet
    fault: str = ""  # what keeps it from its next stage, if something does: what the BMC said


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed, or being installed, on a machine."""

    image: str
    file: str = ""  # path of the compressed image below `/images/` on the rack's HTTP server
    sha256: str  # of the compressed image: what was asked for is what is written, whatever comes later under that name
    disk: str = ""  # kernel name; empty: the smallest disk that fits
    size_bytes: int = 0  # of the image, unpacked
    hostname: str = ""
    ssh_keys: tuple[str, ...] = ()  # authorized_keys lines
    user_data: str = ""
    instance: str = ""  # an id of its own; the secret in the metadata URL is derived from it, and not stored
    written: bool = False  # the image is on the disk
    reported_at: datetime | None = None  # the installed system reported in


class RunStatus(Enum):
    """How far a script run has come."""

    PENDING = "pending"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ABORTED = "aborted"


class ScriptRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one machine script on one machine. Its output is stored beside it."""

    id: RunId
    machine: MachineId
    script: str
    state: State  # the passing state it belongs to
    position: int  # order within that state's scripts
    parameters: dict[str, str] = {}
    timeout_s: int = 600
    status: RunStatus = RunStatus.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_status: int | None = None
    values: dict[str, msgspec.Raw] = {}
    reason: str = ""  # why it did not pass
    output_bytes: int = 0
    tenant: TenantId = TenantId("")  # whose machine it was when the run was planned


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A managed machine. `revision` counts its changes."""

    id: MachineId
    name: str
    state: State = State.NEW
    since: datetime  # it is in this state
    reason: str  # why it is in this state, in a sentence
    deadline: datetime | None = None  # a passing state is given up then
    accepted: bool = False  # nothing is done to a machine before someone accepted it
    macs: tuple[MacAddress, ...]
    uuid: str = ""  # SMBIOS, where it has a sane one
    uefi: bool = False
    address: str = ""  # the last that it leased
    power: PowerSettings = PowerSettings()
    power_state: PowerState = PowerState.UNKNOWN
    power_detail: str = "not read yet"
    power_at: datetime | None = None
    hardware: Hardware | None = None
    boot: Boot | None = None
    deployment: Deployment | None = None
    tenant: TenantId = TenantId("")  # whom it is allocated to; empty: the region itself
    allocated_at: datetime | None = None  # since when; None: it is not allocated
    pool: str = "default"  # the resource pool that tenants draw it from
    zone: str = "default"  # where it stands: a name for a rack, a room, a power feed
    tags: tuple[str, ...] = ()
    created_at: datetime
    revision: int = 1
