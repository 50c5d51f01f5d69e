"""A machine's BMC: OpenIPMI's ipmi_sim, whose chassis control is the machine's power button."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fibrix.errors import LabError
from fibrix.lab.process import SHELL, Daemon, python_module, start_daemon, stop, wait_for_udp
from fibrix.lab.spec import BMC_PASSWORD, BMC_USER, BmcVersion, MachinePlan

RMCP_PORT: Final = 623  # UDP; ASF 2.0 §3.2.1
_HIDDEN_BASE: Final = 6230  # UDP on the switch's loopback: a BMC behind the 1.5-only proxy

_CONFIG: Final = """\
name "{name}"
set_working_mc 0x20
startlan 1
  addr {address} {port}
  priv_limit admin
  allowed_auths_callback md5 straight
  allowed_auths_user md5 straight
  allowed_auths_operator md5 straight
  allowed_auths_admin md5 straight
  guid {guid}
endlan
serial 15 127.0.0.1 {kcs_port} codec VM
chassis_control "{chassis}"
user 1 false "" "" user 10 md5
user 2 true "{user}" "{password}" admin 10 md5 straight
"""

_COMMANDS: Final = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


@dataclass(frozen=True, slots=True)
class SimulatedBmc:
    """The BMC of one machine; lives in the switch's namespace, its files in the machine's folder."""

    plan: MachinePlan
    folder: Path
    version: BmcVersion
    inside: tuple[str, ...]  # `ip netns exec NAME`

    @property
    def _endpoint(self) -> tuple[str, int]:
        """Where ipmi_sim itself listens."""
        if self.version == "1.5":
            return "127.0.0.1", _HIDDEN_BASE + self.plan.number
        return str(self.plan.bmc_address), RMCP_PORT

    @property
    def _pid_files(self) -> tuple[Path, Path]:
        return self.folder / "bmc.pid", self.folder / "bmc15.pid"

    def write_files(self) -> None:
        """Write ipmi_sim's two configuration files."""
        address, port = self._endpoint
        chassis = shlex.join([str(SHELL / "chassis.sh"), str(self.folder)])
        (self.folder / "bmc.conf").write_text(
            _CONFIG.format(
                name=self.plan.name,
                address=address,
                port=port,
                guid=self.plan.uuid.replace("-", ""),
                kcs_port=self.plan.kcs_port,
                chassis=chassis,
                user=BMC_USER,
                password=BMC_PASSWORD,
            )
        )
        (self.folder / "bmc.emu").write_text(_COMMANDS)
        (self.folder / "bmc-state").mkdir(exist_ok=True)

    async def start(self) -> None:
        """Start it and wait until it listens. Raises LabError with the log's name."""
        config, commands, state = (self.folder / name for name in ("bmc.conf", "bmc.emu", "bmc-state"))
        await self._serve(
            self._pid_files[0], *self._endpoint, "ipmi_sim", "-n", "-c", config, "-f", commands, "-s", state
        )
        if self.version == "1.5":
            listen, behind = f"{self.plan.bmc_address}:{RMCP_PORT}", f"{self._endpoint[0]}:{self._endpoint[1]}"
            program = (*python_module("fibrix.lab.bmc15"), listen, behind)
            await self._serve(self._pid_files[1], str(self.plan.bmc_address), RMCP_PORT, *program)

    async def _serve(self, pid_file: Path, address: str, port: int, *argv: str | Path) -> None:
        log = pid_file.with_suffix(".log")
        daemon = await start_daemon(pid_file, log, *argv, inside=self.inside)
        if not await wait_for_udp(daemon, address, port):
            raise LabError(f"the BMC of {self.plan.name} does not listen on {address}:{port}: {log.read_text()[-500:]}")

    def daemons(self) -> list[Daemon]:
        """Its processes, as far as they were started."""
        return [daemon for pid_file in self._pid_files if (daemon := Daemon.read(pid_file))]

    @property
    def alive(self) -> bool:
        """Tell whether all of its processes run."""
        wanted = 2 if self.version == "1.5" else 1
        return sum(daemon.alive for daemon in self.daemons()) == wanted

    async def stop(self) -> None:
        """End it; again does nothing."""
        await stop(self.daemons(), grace_s=1.0)
