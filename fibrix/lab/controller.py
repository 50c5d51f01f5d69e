"""The controller that serves a lab: a real one, in the lab's own namespace, with a state folder of its own."""

import asyncio
import os
from pathlib import Path
from typing import Final

from fibrix.errors import ClientError, LabError
from fibrix.lab.network import RACKS, WAN
from fibrix.lab.process import Daemon, python_module, start_daemon
from fibrix.lab.rack import Rack
from fibrix.lab.spec import CONTROLLER_ADDRESS, POOL
from fibrix.runtime.client import Client

_SHARED: Final = ("boot", "images", "cache")  # minutes of building, the same for every lab
_START_S: Final = 30.0

_CONFIG: Final = f"""\
# Made by `fibrix lab`; goes with the lab.
state_dir = "{{state_dir}}"

[log]
format = "console"

[power]
poll_interval_s = 2.0
dead_interval_s = 10.0

# On an emulated CPU the defaults take many minutes; a real rack keeps them.
[scripts.memory-test]
limit_mb = "4"

[scripts.disk-read]
samples = "20"

[[interfaces]]
name = "{WAN}"
role = "wan"

[[interfaces]]
name = "{RACKS}"
role = "rack"

[[subnets]]
name = "racks"
interface = "{RACKS}"
address = "{CONTROLLER_ADDRESS}/24"
mode = "serve"
unknown = "enlist"
ranges = [{{{{ first = "{POOL[0]}", last = "{POOL[1]}" }}}}]
"""


class LabController:
    """Configures, starts and finds the controller of one lab."""

    def __init__(self, rack: Rack) -> None:
        self._rack = rack
        self._paths = rack.paths

    def configure(self) -> None:
        """Write its configuration and make its state folder; what the builders make is shared by all labs."""
        self._paths.controller.mkdir()
        for name in _SHARED:
            shared = self._paths.state_dir / name
            shared.mkdir(exist_ok=True)
            (self._paths.controller / name).symlink_to(shared)
        self._paths.config.write_text(_CONFIG.format(state_dir=self._paths.controller))

    def fibrix(self, *words: str) -> tuple[str, ...]:
        """Give a command of this very Fibrix, on this lab's state whatever the caller's environment says."""
        return ("env", f"FIBRIX_STATE_DIR={self._paths.controller}", *python_module("fibrix"), *words)

    @property
    def _serve(self) -> tuple[str, ...]:
        return self.fibrix("serve", "--config", str(self._paths.config))

    async def serve(self) -> int:
        """Run it as a child that shares the terminal, until it ends or this is cancelled; gives its exit status."""
        argv = (*self._rack.network.in_server, *self._serve)
        process = await asyncio.create_subprocess_exec(
            *argv, process_group=0
        )  # Ctrl-C comes here alone, and is passed on
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def start_background(self) -> Daemon:
        """Start it so that it stays; its output goes to a log. Raises LabError."""
        pid_file = self._rack.paths.root / "controller.pid"
        inside = self._rack.network.in_server
        return await start_daemon(pid_file, self._paths.controller_log, *self._serve, inside=inside)

    async def client(self, daemon: Daemon | None = None) -> Client:
        """Wait until it serves. Raises LabError when it ended (`daemon`), or has not answered in 30 s."""
        try:
            async with asyncio.timeout(_START_S):
                while daemon is None or daemon.alive:
                    try:
                        client = Client.local(self._paths.controller)
                        await client.get("/healthz")
                    except ClientError:
                        await asyncio.sleep(0.1)
                    else:
                        return client
        except TimeoutError as exc:
            raise LabError(f"the controller does not answer after {_START_S:g} s{self.log_tail()}") from exc
        raise LabError(f"the controller ended{self.log_tail()}")

    def log_tail(self, lines: int = 30) -> str:
        """Give the last lines of its log, with a line before them; empty when there is none."""
        return tail(self._paths.controller_log, lines)


def tail(path: Path, lines: int) -> str:
    """Give the last lines of a text file under its name; empty when it has none."""
    size = 200 * lines
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            text = file.read().decode(errors="replace").replace("\r", "")
    except FileNotFoundError:
        return ""
    last = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join([f"\n--- end of {path}:", *last]) if last else ""
