"""`fibrix machine commission`, `deploy` and the like: what moves a machine through its life."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.operation import print_operation
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, plain

F = TypeVar("F", bound=Callable[..., object])

key_argument = click.argument("key", metavar="MACHINE")
wait_option = click.option("--wait", is_flag=True, help="Show the steps until it is done; exit status 1 if it fails.")
reason_option = click.option("--reason", default="", help="Why; it is shown as the machine's reason.")


@click.command("commission", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@wait_option
@pass_settings
def commission(settings: Settings, key: str, *, reason: str, wait: bool) -> None:
    """Take its inventory, then test it."""
    act(settings, key, "commission", {"reason": reason}, wait=wait)


@click.command("test", cls=FibrixCommand, changes=True)
@key_argument
@click.option("--script", "scripts", multiple=True, help="A test to run instead of the default ones; repeatable.")
@click.option("--parameter", "parameters", multiple=True, metavar="SCRIPT.NAME=VALUE", help="Repeatable.")
@wait_option
@pass_settings
def run_tests(
    settings: Settings, key: str, *, scripts: tuple[str, ...], parameters: tuple[str, ...], wait: bool
) -> None:
    """Test its memory and disks. Destructive tests run only when they are named."""
    act(settings, key, "test", {"scripts": scripts, "parameters": _parameters(parameters)}, wait=wait)


@click.command("deploy", cls=FibrixCommand, changes=True)
@key_argument
@click.option("--image", required=True, help="Name of the image.")
@click.option("--disk", default="", help="Kernel name of the disk.  [default: the smallest that fits]")
@click.option("--hostname", default="", help="[default: the machine's name]")
@click.option("--ssh-key", "ssh_keys", multiple=True, help="Name of a stored key; repeatable.  [default: all]")
@click.option("--user-data", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="For cloud-init.")
@wait_option
@pass_settings
def deploy(settings: Settings, /, key: str, *, user_data: Path | None, wait: bool, **spec: Any) -> None:
    """Install an image. All data on the chosen disk is lost."""
    act(settings, key, "deploy", spec | {"user_data": user_data.read_text() if user_data else ""}, wait=wait)


@click.command("release", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@wait_option
@pass_settings
def release(settings: Settings, key: str, *, reason: str, wait: bool) -> None:
    """Power it off, wipe its disks quickly, make it ready again."""
    act(settings, key, "release", {"reason": reason}, wait=wait)


@click.command("abort", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@pass_settings
def abort(settings: Settings, key: str, *, reason: str) -> None:
    """Give up what is under way."""
    act(settings, key, "abort", {"reason": reason}, wait=False)


@click.command("broken", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@pass_settings
def broken(settings: Settings, key: str, *, reason: str) -> None:
    """Take it out of use until it is fixed."""
    act(settings, key, "mark-broken", {"reason": reason}, wait=False)


@click.command("fixed", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@pass_settings
def fixed(settings: Settings, key: str, *, reason: str) -> None:
    """Take it back into use."""
    act(settings, key, "mark-fixed", {"reason": reason}, wait=False)


@click.command("override", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@pass_settings
def override(settings: Settings, key: str, *, reason: str) -> None:
    """Accept failed tests as they are."""
    act(settings, key, "override", {"reason": reason}, wait=False)


@click.command("retire", cls=FibrixCommand, changes=True)
@key_argument
@reason_option
@pass_settings
def retire(settings: Settings, key: str, *, reason: str) -> None:
    """Take it out of use for good; it stays known."""
    act(settings, key, "retire", {"reason": reason}, wait=False)


def act(settings: Settings, key: str, action: str, body: dict[str, Any], *, wait: bool) -> None:
    """Ask for an action and say what came of it."""
    path = f"machines/{key}/{action}"
    if wait:
        from fibrix.cli.progress import drive  # asyncio: only for who waits  # noqa: PLC0415

        shown = drive(settings, path, body)
    else:
        shown = settings.client().post(path, body)
    if "machine_name" in shown:  # it goes on as an operation
        print_operation(settings, shown)
        return
    emit(settings, shown, lambda: click.echo(plain(f"{shown['name']} is {shown['state']}: {shown['reason']}")))


def _parameters(words: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Read SCRIPT.NAME=VALUE words."""
    read: dict[str, dict[str, str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        script, dot, parameter = name.partition(".")
        if not (equals and dot and script and parameter):
            raise click.UsageError(f"{word!r}: write a parameter as SCRIPT.NAME=VALUE, as memory-test.passes=2")
        read.setdefault(script, {})[parameter] = value
    return read
