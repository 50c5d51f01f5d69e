"""What a lab is made of: plain values, and everything that follows from them."""

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, Literal

import msgspec

from fibrix.errors import LabError
from fibrix.types import MacAddress

SUBNET: Final = "192.168.1.0/24"
CONTROLLER_ADDRESS: Final = IPv4Address("192.168.1.1")
POOL: Final = (IPv4Address("192.168.1.100"), IPv4Address("192.168.1.180"))
BMC_USER: Final = "admin"
BMC_PASSWORD: Final = "secret"  # noqa: S105 - a lab's password is no secret
MAX_MACHINES: Final = 50  # BMC addresses: .201 to .250
_BMC_BASE: Final = IPv4Address("192.168.1.200")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,19}")
_LEAST_MEMORY_MB: Final = 64
_MACS: Final = 4  # of a machine: its own, its BMC's behind it, and a gap to the next machine's

Firmware = Literal["bios", "uefi"]
BmcVersion = Literal["1.5", "2.0"]


class LabSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked for; kept as `machines.json` in the lab's folder."""

    name: str = "lab"
    machines: int = 1
    firmware: Firmware = "bios"
    bmc: BmcVersion = "2.0"
    memory_mb: int = 1024
    disk_gb: int = 4
    accelerator: Literal["kvm", "tcg"] = "tcg"

    def check(self) -> None:
        """Refuse what cannot be built. Raises LabError."""
        if not _NAME.fullmatch(self.name):
            raise LabError(f"lab name {self.name!r}: up to 20 of a-z, 0-9 and -, a letter first")
        if not 1 <= self.machines <= MAX_MACHINES:
            raise LabError(f"{self.machines} machines: a lab has 1 to {MAX_MACHINES}")
        if self.memory_mb < _LEAST_MEMORY_MB or self.disk_gb < 1:
            raise LabError(f"a machine needs at least {_LEAST_MEMORY_MB} MB of memory and 1 GB of disk")

    def plans(self) -> "tuple[MachinePlan, ...]":
        """One plan per machine, numbered from 1."""
        return tuple(MachinePlan(lab=self.name, number=n) for n in range(1, self.machines + 1))


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """All the names, addresses and numbers of one machine of a lab."""

    lab: str
    number: int  # from 1

    @property
    def name(self) -> str:
        """What the lab's commands call it."""
        return f"node{self.number}"

    @property
    def mac(self) -> MacAddress:
        """Octets 4 and 5 come from the lab's name, so that two labs share no MAC."""
        return self._mac(0)

    @property
    def bmc_mac(self) -> MacAddress:
        """The one behind the machine's own, as vendors often number them."""
        return self._mac(1)

    def _mac(self, offset: int) -> MacAddress:
        digest = hashlib.sha256(self.lab.encode()).digest()
        octets = [0x52, 0x54, 0x00, digest[0], digest[1], self.number * _MACS + offset]
        return MacAddress(bytes(octets).hex(":"))

    @property
    def uuid(self) -> str:
        """SMBIOS system UUID: the MAC's octets at the end."""
        return f"f1b21c00-0000-4000-8000-{self.mac.replace(':', '')}"

    @property
    def serial(self) -> str:
        """SMBIOS serial number."""
        return f"FX{self.mac.replace(':', '')[-6:].upper()}"

    @property
    def tap(self) -> str:
        """Its network cable, in the switch's namespace."""
        return f"tap{self.number}"

    @property
    def bmc_interface(self) -> str:
        """Its BMC's own interface, in the switch's namespace."""
        return f"bmc{self.number}"

    @property
    def bmc_address(self) -> IPv4Address:
        """Where its BMC is reached by UDP 623."""
        return _BMC_BASE + self.number

    @property
    def kcs_port(self) -> int:
        """TCP port on the switch's loopback that joins BMC and machine in band."""
        return 9000 + self.number


@dataclass(frozen=True, slots=True)
class LabPaths:
    """Where a lab keeps what it makes; all of it goes with `lab down`."""

    state_dir: Path
    name: str

    @property
    def root(self) -> Path:
        """The lab's folder."""
        return self.state_dir / f"lab-{self.name}"

    @property
    def spec(self) -> Path:
        """The LabSpec as JSON: its presence says that there is a lab."""
        return self.root / "machines.json"

    @property
    def owner(self) -> Path:
        """Pid and start time of the process that takes the lab down when it ends; absent for a lab that stays."""
        return self.root / "owner.pid"

    @property
    def controller(self) -> Path:
        """State folder of the controller that serves the lab: its store never mixes with a real one's."""
        return self.root / "controller"

    @property
    def config(self) -> Path:
        """That controller's configuration."""
        return self.root / "lab.toml"

    @property
    def controller_log(self) -> Path:
        """What that controller prints when it runs in the background."""
        return self.root / "controller.log"

    def machine(self, plan: MachinePlan) -> Path:
        """One machine's folder: disk, start script, serial log, BMC."""
        return self.root / plan.name

    def serial_log(self, plan: MachinePlan) -> Path:
        """All that a machine wrote to its serial console, boot after boot."""
        return self.machine(plan) / "serial.log"
