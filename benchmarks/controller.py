"""How soon a controller answers after its start, and what it takes of memory when idle.

Starts `fibrix serve` on loopback, three times, with a new state directory each: seconds from the start of the process
to the first 200 of /healthz, and the resident memory 5 s later. A start before those, which is not counted, leaves the
compiled modules that an installed controller has. No peer runs here: the reference is 14 services.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.report import middle, report, row

ROUNDS = 3
PORT = 15240
ROOT = Path(__file__).resolve().parent.parent
CONFIG = f"""
state_dir = "{{state}}"
[api]
port = {PORT}
[[interfaces]]
name = "lo"
role = "rack"
[[subnets]]
name = "loopback"
interface = "lo"
address = "127.0.0.1/8"
mode = "observe"
"""


def answers() -> bool:
    """Whether the controller says that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def environment(compiled: Path) -> dict[str, str]:
    """What a controller is started with; compiled modules are kept in a folder, whatever the surroundings want."""
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return given | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(compiled)}


def one_round(compiled: Path) -> tuple[float, float]:
    """Start a controller; gives seconds to the first answer and MiB when idle."""
    state = Path(tempfile.mkdtemp(prefix="fibrix-benchmark-"))
    config = state / "fibrix.toml"
    config.write_text(CONFIG.format(state=state))
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "fibrix", "serve", "--config", str(config)],
        env=environment(compiled),
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers():
            if process.poll() is not None:
                sys.exit(f"the controller ended with status {process.returncode}")
            time.sleep(0.01)  # noqa: TID251 - nothing else runs in this process
        started_s = time.perf_counter() - began
        time.sleep(5)  # noqa: TID251
        return started_s, rss_mib(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(state)


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory(prefix="fibrix-benchmark-") as folder:
        rounds = [one_round(Path(folder)) for _ in range(1 + ROUNDS)][1:]
    for started_s, idle_mib in rounds:
        print(f"first answer after {started_s:.2f} s, idle {idle_mib:.1f} MiB")
    report(
        "controller",
        [
            row("start to first answer", middle([r[0] for r in rounds]), None, "s"),
            row("idle resident memory", middle([r[1] for r in rounds]), None, "MiB"),
        ],
    )


if __name__ == "__main__":
    main()
