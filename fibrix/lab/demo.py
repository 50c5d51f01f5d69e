"""The demo: every machine of a fresh lab goes from plugged in to deployed, logged in to, and back to Ready."""

import asyncio
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from fibrix.errors import ClientError, FibrixError
from fibrix.lab.controller import LabController, tail
from fibrix.lab.process import Daemon, run, run_lines
from fibrix.lab.progress import Progress
from fibrix.lab.rack import Rack
from fibrix.lab.spec import LabSpec, MachinePlan
from fibrix.lab.timeline import WHOLE, Timeline
from fibrix.lab.walk import Walk
from fibrix.lab.watch import Watch
from fibrix.runtime.client import Client

_BOOT: Final = ("last_seen", "awaited")  # what `why` tells of a boot


class Demo:
    """One run of the demo. `keep`: lab and controller stay up afterwards."""

    def __init__(self, spec: LabSpec, state_dir: Path, console: Console, *, keep: bool = False) -> None:
        self.spec = spec
        self.timeline = Timeline(time.monotonic)
        self.progress = Progress(console, lambda: self.timeline.elapsed_s)
        self.rack = Rack(spec, state_dir)
        self.controller = LabController(self.rack)
        self.failures: dict[str, str] = {}  # who → why
        self._console = console
        self._keep = keep
        self._built = False  # until then there is nothing of ours to take down
        self._image_built = asyncio.Event()

    async def run(self) -> bool:
        """Do all of it; True only if all of it happened. Whatever was started is stopped at the end."""
        try:
            with self.progress.live():
                await self._all()
        except* (FibrixError, OSError) as group:
            self.failures[WHOLE] = "; ".join(_messages(group))
        finally:
            self.progress.show(self.timeline.table())
            self._conclude()
            if self._built and not self._keep:
                await self.rack.down(keep_logs=bool(self.failures))
        return not self.failures

    async def _all(self) -> None:
        with self.timeline.step(WHOLE, "lab up"):
            self.progress.step(WHOLE, f"building a lab of {self.spec.machines}")
            await self.rack.up(owned=not self._keep)
            self._built = True
            self.controller.configure()
        async with asyncio.TaskGroup() as group:
            image = group.create_task(self._build_image(), name="image")
            await self._build("ephemeral OS", "ephemeral", "build")
            with self.timeline.step(WHOLE, "controller"):
                daemon = await self.controller.start_background()
                client = await self.controller.client(daemon)
            await self._walks(client, daemon)
            image.cancel()  # still going only where no machine came so far as to need it

    async def _build(self, step: str, *words: str) -> None:
        """Have something built, unless it is there already."""
        with self.timeline.step(WHOLE, step):
            self.progress.step(WHOLE, f"{step}: looking whether it is built")
            argv = self.controller.fibrix(*words, "--config", str(self.rack.paths.config))
            async for line in run_lines(*argv):
                self.progress.line(WHOLE, f"{step}: {line}")

    async def _build_image(self) -> None:
        """Build the image beside everything else: it is needed only when a machine is deployed."""
        await self._build("image", "image", "build", "debian")
        self._image_built.set()

    async def _walks(self, client: Client, daemon: Daemon) -> None:
        """Take all machines along at once, and tell of each whether it got there."""
        watch = Watch(self.progress, {plan.mac: plan.name for plan in self.rack.plans})
        with tempfile.TemporaryDirectory(prefix="fibrix-demo-") as folder:
            key = Path(folder) / "key"
            await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fibrix-demo", "-f", key)
            await client.post("ssh-keys", {"name": "demo", "key": _text(key.with_suffix(".pub"))})
            async with asyncio.TaskGroup() as group:
                eyes = group.create_task(watch.follow(client.follow(0)), name="events")
                walks = [
                    group.create_task(self._walk(plan, client, watch, key), name=plan.name) for plan in self.rack.plans
                ]
                await asyncio.wait(walks)
                eyes.cancel()
        if not daemon.alive:
            self.failures[WHOLE] = "the controller ended before its time"

    async def _walk(self, plan: MachinePlan, client: Client, watch: Watch, key: Path) -> None:
        walk = Walk(self.rack, plan, client, watch, self.progress, self.timeline, key, self._image_built)
        try:
            await walk.all_of_it()
        except FibrixError as exc:
            self.progress.step(plan.name, f"failed: {exc}")
            why = await _why(client, walk.id)
            self.failures[plan.name] = f"{exc}\n{why}{tail(self.rack.paths.serial_log(plan), 30)}"
        else:
            self.progress.step(plan.name, "all done")

    def _conclude(self) -> None:
        """Say how it went so far, with what helps to find out why, and what stays."""
        for who, why in self.failures.items():
            self._say(f"\n{who}: {why}")
        if self.failures:
            self._say(f"{self.controller.log_tail()}\nlogs are left in {self.rack.paths.root}")
        if self._built and self._keep:
            self._say(f"the lab stays: fibrix --state-dir {self.rack.paths.controller} machine list")
            self._say(f"and goes with: fibrix lab down --name {self.spec.name} --state-dir {self.rack.paths.state_dir}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _messages(group: BaseExceptionGroup[FibrixError | OSError]) -> list[str]:
    """Give the words of all errors in a group of groups."""
    words: list[str] = []
    for error in group.exceptions:
        words += _messages(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return words


async def _why(client: Client, machine: str) -> str:
    """Ask the controller why a machine is where it is, in lines."""
    if not machine:
        return "the controller never saw it"
    with suppress(ClientError):
        return _why_in_words(await client.get(f"machines/{machine}/why"))
    return "the controller does not say why"


def _why_in_words(why: dict[str, Any]) -> str:
    state = f"{why['state']} since {why['since']}: {why['reason']}"
    power = f"power {why['power']}: {why['power_detail']}"
    boot = [f"{label.replace('_', ' ')}: {why[label]['what']} ({why[label]['at']})" for label in _BOOT if why[label]]
    return "\n".join([state, power, *boot])


def _text(path: Path) -> str:
    return path.read_text()
