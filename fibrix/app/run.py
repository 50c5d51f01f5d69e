"""The whole controller, from its configuration to its last breath."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from fibrix import __version__, log
from fibrix.app.first_start import ADMIN_KEY, make_admin
from fibrix.app.rack import build_rack
from fibrix.app.region import build_services
from fibrix.app.shared import Shared
from fibrix.bus import Bus
from fibrix.config import Config, load
from fibrix.controllers.heard import Heard
from fibrix.domain.rack import RackSnapshot
from fibrix.events.controller import ControllerStarted
from fibrix.runtime import collector
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.runtime.notify import Notifier
from fibrix.runtime.supervisor import Supervisor
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.store.region import open_region

logger = structlog.get_logger()

SWITCH_S: Final = 0.0005
"""How long the event loop waits for another thread (the store's) to let go of the interpreter. It asks after each
system call, so Python's own 5 ms would make it late for DHCP while much is written."""


@asynccontextmanager
async def controller(config: Config, notifier: Notifier) -> AsyncIterator[Supervisor]:
    """Open the stores and build the controller on them; nothing serves yet. Raises StoreError."""
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    bus = Bus()
    shared = Shared(config=config, bus=bus, snapshot=Cell(RackSnapshot()), heard=Heard(utc_now))
    async with open_region(config.state_dir, bus) as region, Database(config.state_dir / "rack.db", "rack") as rack_db:
        await make_admin(region, config.state_dir / ADMIN_KEY, utc_now())
        rack = build_rack(shared, Bindings(rack_db))
        await region.change(lambda unit: unit.append(ControllerStarted(at=utc_now(), version=__version__)))
        yield build_services(shared, region, rack, notifier)


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises StoreError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier = Notifier.from_environ(os.environ)
    async with controller(config, notifier) as supervisor, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(supervisor.run(ready), name="supervisor")
        await ready.wait()
        collector.spare()
        notifier.ready(f"Fibrix {__version__} serves")
        logger.info("controller.ready", version=__version__, state_dir=str(config.state_dir))
        await stop.wait()
        notifier.stopping()
        logger.info("controller.stopping")
        task.cancel()


def serve(config_path: Path) -> None:
    """Run the controller in the foreground. Raises ConfigError, StoreError."""
    config = load(config_path, dict(os.environ))
    log.setup(config.log.level, config.log.format)
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(run(config))
