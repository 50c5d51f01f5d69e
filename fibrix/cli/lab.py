"""`fibrix lab`: a rack in a box, for whoever has no rack."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, table
from fibrix.errors import LabError
from fibrix.lab.console import follow
from fibrix.lab.controller import LabController
from fibrix.lab.demo import Demo
from fibrix.lab.rack import MachineStatus, PowerVerb, Rack
from fibrix.lab.spec import LabSpec

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_LOG_WIDTH: Final = 120  # columns of the timeline where there is no terminal
_VERBS: Final = ("on", "off", "plug", "unplug", "plug-nic", "unplug-nic")


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Put several options on a command as one."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_named = _options(
    click.option("--name", default="lab", show_default=True, help="Which lab; several may be up at once."),
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=lambda: click.get_current_context().ensure_object(Settings).state_dir,
        help="The lab is kept in lab-NAME below it. Default: that of `fibrix` itself.",
    ),
)
_shaped = _options(
    click.option("--machines", default=1, show_default=True, help="How many."),
    click.option("--firmware", type=click.Choice(["bios", "uefi"]), default="bios", show_default=True),
    click.option("--bmc", type=click.Choice(["1.5", "2.0"]), default="2.0", show_default=True, help="IPMI version."),
    click.option("--memory", "memory_mb", default=1024, show_default=True, help="MB per machine."),
    click.option("--disk", "disk_gb", default=4, show_default=True, help="GB per machine."),
)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; SIGTERM ends it as Ctrl-C does, with everything cleared up."""
    try:
        return asyncio.run(_terminable(work))
    except OSError as exc:  # a folder that cannot be written, a full disk
        raise LabError(str(exc)) from exc
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(128 + signal.SIGINT)


async def _terminable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


@click.group(cls=FibrixGroup)
def lab() -> None:
    """A rack in a box: QEMU machines with simulated BMCs, in network namespaces without an uplink."""


@lab.command()
@_named
@_shaped
def up(state_dir: Path, **shape: Any) -> None:
    """Build a lab; its machines are off."""
    rack = Rack(LabSpec(**shape), state_dir)
    _finish(rack.up())
    _show(rack.status())


@lab.command()
@_named
@pass_settings
def status(settings: Settings, name: str, state_dir: Path) -> None:
    """Show the machines: power, BMC, console."""
    machines = Rack.load(name, state_dir).status()
    emit(settings, machines, lambda: _show(machines))


@lab.command()
@_named
def down(name: str, state_dir: Path) -> None:
    """Stop and remove everything of a lab; again does nothing."""
    _finish(Rack(LabSpec(name=name), state_dir).down())


@lab.command()
@_named
@click.argument("machine")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on as it grows, until Ctrl-C.")
def console(name: str, state_dir: Path, machine: str, *, following: bool) -> None:
    """Show what a machine wrote to its serial console."""
    rack = Rack.load(name, state_dir)
    path = rack.paths.serial_log(rack.plan(machine))
    with suppress(KeyboardInterrupt):
        asyncio.run(follow(path, sys.stdout.buffer, going_on=following))


@lab.command()
@_named
@click.argument("machine")
@click.argument("verb", type=click.Choice(_VERBS))
def power(name: str, state_dir: Path, machine: str, verb: PowerVerb) -> None:
    """Do to a machine what a person beside the rack can do."""
    _finish(Rack.load(name, state_dir).power(machine, verb))


@lab.command()
@_named
@_shaped
def run(state_dir: Path, **shape: Any) -> None:
    """Build a lab, serve it by a controller in the foreground, remove it at the end."""
    sys.exit(_finish(_serve(Rack(LabSpec(**shape), state_dir))))


async def _serve(rack: Rack) -> int:
    controller, name = LabController(rack), rack.spec.name
    await rack.up(owned=True)
    try:
        controller.configure()
        _show(rack.status())
        click.echo(f"in another terminal: fibrix --state-dir {rack.paths.controller} machine list")
        click.echo(f"plug a machine in:   fibrix --state-dir {rack.paths.state_dir} lab power --name {name} node1 plug")
        return await controller.serve()
    finally:
        await rack.down()


@lab.command()
@_named
@_shaped
@click.option("--keep", is_flag=True, help="Leave lab and controller up at the end.")
def demo(state_dir: Path, *, keep: bool, **shape: Any) -> None:
    """Take every machine of a fresh lab from plugged in to deployed and back; 0 only if all of it happened."""
    console = Console(width=None if sys.stdout.isatty() else _LOG_WIDTH)
    show = Demo(LabSpec(**shape), state_dir, console, keep=keep)
    sys.exit(0 if _finish(show.run()) else 1)


def _show(machines: tuple[MachineStatus, ...]) -> None:
    columns = ("name", "MAC", "power", "BMC", "IPMI", "user", "password", "console")
    rows = [
        (m.name, m.mac, m.power, f"{m.bmc_address} {m.bmc}", m.bmc_version, m.bmc_user, m.bmc_password, m.console)
        for m in machines
    ]
    table(columns, rows, empty="no machines")
