"""How long a machine takes from powered off to Deployed and back, in the lab, with the caches warm.

Runs `fibrix lab demo` with one machine and with two, and divides: two at once must not take twice as long. The first
run also builds what is missing, and does not count.
"""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import report, row

ROOT = Path(__file__).resolve().parent.parent


def demo_s(machines: int) -> float:
    """Run the demo, showing what it prints; gives its seconds. Ends the benchmark if it fails."""
    began = time.perf_counter()
    done = subprocess.run([ROOT / "scripts" / "run", "--lab", str(machines), "--demo", *sys.argv[1:]], check=False)
    if done.returncode:
        sys.exit(f"the demo of {machines} ended with status {done.returncode}")
    return time.perf_counter() - began


def main() -> None:
    """Print both, and their ratio."""
    first_s = demo_s(1)
    one_s, two_s = demo_s(1), demo_s(2)
    report(
        "demo",
        [
            row("first run, 1 machine", first_s, None, "s"),
            row("warm, 1 machine", one_s, None, "s"),
            row("warm, 2 machines at once beside 1 machine", two_s, one_s, "s"),
        ],
    )


if __name__ == "__main__":
    main()
