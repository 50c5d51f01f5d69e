"""Seconds to read the power state of a rack by IPMI 1.5 (MD5). Peers: freeipmi's ipmipower, ipmitool 20 at a time.

Run: `python -m benchmarks.power [BMCS …]`, by default 100 and 200. The BMCs are `ipmi_sim`, one process each, on
loopback, without machines behind them. Cold: a new driver, hence a login for each BMC; warm: the same again. Three
interleaved rounds, the median is quoted. The peers always log in: they have no warm way.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from benchmarks.report import middle, report, row
from fibrix.config import PowerConfig
from fibrix.domain.power import Bmc, IpmiProtocol, PowerState
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from tests.support.bmc import LOOPBACK, SimulatedBmc, simulated_rack

ROUNDS = 3
WORKERS = 20  # of ipmitool


@dataclass
class Rounds:
    """Seconds of each round."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    v20: list[float] = field(default_factory=list)
    ipmipower: list[float] = field(default_factory=list)
    ipmitool: list[float] = field(default_factory=list)


async def sweep(driver: IpmiDriver, bmcs: Sequence[Bmc]) -> float:
    """Read all of them at once; seconds."""
    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(driver.status(bmc), name=bmc.machine) for bmc in bmcs]
    took = perf_counter() - began
    assert all(task.result().state is PowerState.OFF for task in tasks)
    return took


async def ours(bmcs: Sequence[Bmc]) -> tuple[float, float]:
    """Sweep cold, then warm."""
    driver, ready = IpmiDriver(PowerConfig()), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(driver.run(ready), name="ipmi")
        await ready.wait()
        took = await sweep(driver, bmcs), await sweep(driver, bmcs)
        task.cancel()
    return took


async def peer(sims: Sequence[SimulatedBmc], *command: str) -> float:
    """Run a peer's command and see that it tells `off` of every BMC; seconds, its start included."""
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    took = perf_counter() - began
    assert output.decode().lower().count("off\n") == len(sims), output.decode()
    return took


async def ipmipower(sims: Sequence[SimulatedBmc]) -> float:
    """One ipmipower for the whole rack."""
    hosts = ",".join(f"{LOOPBACK}:{sim.port}" for sim in sims)
    login = ("-D", "LAN", "-a", "md5", "-l", "operator", "-u", "admin", "-p", "secret")
    return await peer(sims, "ipmipower", *login, "--stat", "-h", hosts)


async def ipmitool(sims: Sequence[SimulatedBmc]) -> float:
    """One ipmitool for each BMC, some at a time."""
    ports = " ".join(str(sim.port) for sim in sims)
    one = f"ipmitool -I lan -A MD5 -H {LOOPBACK} -U admin -P secret -p {{}} power status"
    return await peer(sims, "sh", "-c", f"echo {ports} | tr ' ' '\\n' | xargs -P {WORKERS} -I {{}} {one}")


async def measure(count: int) -> list[dict[str, object]]:
    """All sides, in turns, on one rack."""
    rounds = Rounds()
    with tempfile.TemporaryDirectory() as folder:
        async with simulated_rack(Path(folder), count, machines=False) as sims:
            v15, v20 = (
                [sim.bmc(machine=f"m{i}", protocol=protocol) for i, sim in enumerate(sims)]
                for protocol in (IpmiProtocol.V15, IpmiProtocol.V20)
            )
            for _ in range(ROUNDS):
                cold, warm = await ours(v15)
                rounds.cold.append(cold)
                rounds.warm.append(warm)
                rounds.ipmipower.append(await ipmipower(sims))
                rounds.v20.append((await ours(v20))[0])
                rounds.ipmitool.append(await ipmitool(sims))
    power, tool = middle(rounds.ipmipower), middle(rounds.ipmitool)
    return [
        row(f"{count} BMCs, IPMI 1.5, cold, beside ipmipower", middle(rounds.cold), power, "s"),
        row(f"{count} BMCs, IPMI 1.5, warm, beside ipmipower", middle(rounds.warm), power, "s"),
        row(f"{count} BMCs, IPMI 1.5, cold, beside ipmitool", middle(rounds.cold), tool, "s"),
        row(f"{count} BMCs, IPMI 2.0 suite 3, cold", middle(rounds.v20), None, "s"),
    ]


def main(counts: Sequence[int]) -> None:
    """Measure each size of rack."""
    os.environ["PATH"] += ":/usr/sbin"  # ipmipower's
    report("power", [line for count in counts for line in asyncio.run(measure(count))])


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [100, 200])
