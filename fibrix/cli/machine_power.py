"""`fibrix machine power`: what a machine's power supply says, and what it is told."""

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import MACHINE
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, plain


@click.group(cls=FibrixGroup)
def power() -> None:
    """Power a machine, ask its power, confirm it. `on` of a machine that is on does nothing; only `cycle` cycles."""


@power.command("status")
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def status(settings: Settings, key: str) -> None:
    """Ask its power supply now."""
    reading = settings.client().get(f"machines/{key}/power")
    emit(settings, reading, lambda: click.echo(plain(f"{reading['state']} ({reading['detail']})")))


@power.command("on", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def on(settings: Settings, key: str) -> None:
    """Power it on; if it is on, do nothing."""
    _order(settings, key, {"action": "on"})


@power.command("off", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def off(settings: Settings, key: str) -> None:
    """Cut its power."""
    _order(settings, key, {"action": "off"})


@power.command("soft-off", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def soft_off(settings: Settings, key: str) -> None:
    """Ask its operating system to shut down."""
    _order(settings, key, {"action": "soft-off"})


@power.command("cycle", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def cycle(settings: Settings, key: str) -> None:
    """Cut its power and give it back."""
    _order(settings, key, {"action": "cycle"})


@power.command("confirm", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.argument("state", type=click.Choice(["on", "off"]))
@pass_settings
def confirm(settings: Settings, key: str, state: str) -> None:
    """Say what a machine is now whose power is worked by hand."""
    _order(settings, key, {"confirm": state})


@power.command("boot-device", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.argument("device", type=click.Choice(["pxe", "disk"]))
@pass_settings
def boot_device(settings: Settings, key: str, device: str) -> None:
    """Choose where it boots from next time, once."""
    _order(settings, key, {"boot_device": device})


def _order(settings: Settings, key: str, order: dict[str, str]) -> None:
    done = settings.client().post(f"machines/{key}/power", order)
    emit(settings, done, lambda: click.echo(plain(f"{key}: {done['detail']}")))
