"""A machine of the lab: its QEMU, its disk, its power button and its serial console."""

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fibrix.errors import LabError
from fibrix.lab.process import SHELL, Daemon, run
from fibrix.lab.spec import LabSpec, MachinePlan

_OVMF_CODE: Final = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
_OVMF_VARS: Final = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")

_START: Final = """\
#!/bin/sh
# start NETWORK_INDEX DISK_INDEX: run this machine once; its QMP is on standard input and output.
exec {command}
"""


def qemu_command(spec: LabSpec, plan: MachinePlan, folder: Path) -> str:
    """Write QEMU's command line as shell text; `$1` and `$2` are the boot order of network and disk."""
    network = f"virtio-net-pci,netdev=net,mac={plan.mac}"
    if spec.firmware == "uefi":
        network += ",romfile="  # OVMF has a PXE client of its own
    disk = f"file={folder / 'disk.qcow2'},if=none,id=disk,format=qcow2,cache=unsafe,discard=unmap"
    smbios = f"type=1,manufacturer=Fibrix,product=Lab server,serial={plan.serial},uuid={plan.uuid}"
    fixed = [
        *("qemu-system-x86_64", "-name", f"{plan.lab}-{plan.name}", "-nodefaults", "-display", "none"),
        *("-machine", f"q35,accel={spec.accelerator},graphics=off", "-smp", "1", "-m", str(spec.memory_mb)),
        *("-cpu", "host" if spec.accelerator == "kvm" else "max", "-no-reboot"),
        *("-uuid", plan.uuid, "-smbios", smbios),
        *("-chardev", "stdio,id=qmp,signal=off", "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"file,id=serial,path={folder / 'serial.log'},append=on", "-serial", "chardev:serial"),
        *("-chardev", f"socket,id=bmc,host=127.0.0.1,port={plan.kcs_port},reconnect=1"),
        *("-device", "ipmi-bmc-extern,id=bmc0,chardev=bmc", "-device", "isa-ipmi-kcs,bmc=bmc0"),
        *("-device", "virtio-rng-pci", "-netdev", f"tap,id=net,ifname={plan.tap},script=no,downscript=no"),
        *("-drive", disk, *_firmware(spec, folder)),
    ]
    ordered = (
        f'-device {shlex.quote(network)},bootindex="$1"',
        f'-device {shlex.quote(f"virtio-blk-pci,drive=disk,serial={plan.serial}")},bootindex="$2"',
    )
    return " ".join([shlex.join(fixed), *ordered])


def _firmware(spec: LabSpec, folder: Path) -> tuple[str, ...]:
    if spec.firmware == "bios":
        return ()
    code = f"if=pflash,format=raw,readonly=on,file={_OVMF_CODE}"
    return ("-drive", code, "-drive", f"if=pflash,format=raw,file={folder / 'efivars.fd'}")


@dataclass(frozen=True, slots=True)
class LabMachine:
    """One machine; its power state is whether its keeper runs."""

    spec: LabSpec
    plan: MachinePlan
    folder: Path
    inside: tuple[str, ...]  # `ip netns exec NAME`

    async def create(self) -> None:
        """Make its disk and its start script; it is off. Raises LabError."""
        self.folder.mkdir(parents=True)
        await run("qemu-img", "create", "-q", "-f", "qcow2", self.folder / "disk.qcow2", f"{self.spec.disk_gb}G")
        if self.spec.firmware == "uefi":
            if not _OVMF_VARS.exists():
                raise LabError(f"{_OVMF_VARS} is missing: install the package ovmf")
            shutil.copy(_OVMF_VARS, self.folder / "efivars.fd")
        start = self.folder / "start"
        start.write_text(_START.format(command=qemu_command(self.spec, self.plan, self.folder)))
        start.chmod(0o755)
        (self.folder / "serial.log").touch()

    @property
    def keeper(self) -> Daemon | None:
        """The process that is there for as long as the power is on; None before the first time."""
        return Daemon.read(self.folder / "power.pid")

    @property
    def is_on(self) -> bool:
        """Tell whether its power is on."""
        keeper = self.keeper
        return keeper is not None and keeper.alive

    async def power(self, *, on: bool) -> None:
        """Press its power button for as long as it takes. Raises LabError."""
        await run(*self.inside, SHELL / "chassis.sh", self.folder, "set", "power", "1" if on else "0")
