"""`--wait`: the steps of long work, live, with the seconds that each took."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from fibrix.cli.settings import EXIT_FAILED, Form, Settings
from fibrix.cli.show import emit, plain
from fibrix.cli.words import describe
from fibrix.domain.operation import OperationState
from fibrix.domain.state import PASSING
from fibrix.errors import ClientError
from fibrix.runtime.api_stream import CloudEvent

if TYPE_CHECKING:
    from fibrix.runtime.client import Client

RUNNING: Final = OperationState.RUNNING.value
SUCCEEDED: Final = OperationState.SUCCEEDED.value
_POLL_S: Final = 25  # one request for an operation's end waits this long

Note = Callable[[str], None]
Operation = dict[str, Any]


def drive(settings: Settings, path: str, body: object) -> Operation:
    """Ask for long work by a POST, and show its steps. Exits with 1 when it does not succeed."""
    return _succeeded(settings, asyncio.run(_drive(settings, path, body)))


def attend(settings: Settings, operation: str) -> Operation:
    """Show the steps of an operation from now on. Exits with 1 when it does not succeed, or has not."""
    return _succeeded(settings, asyncio.run(_attend(settings, operation)))


def followed(settings: Settings, operation: Operation) -> Operation:
    """Wait for the end of an operation, however it ends."""
    return asyncio.run(_ended(settings.async_client(), operation))


async def _drive(settings: Settings, path: str, body: object) -> Operation:
    """Note the newest event first, so that none that follows from the request is missed."""
    client = settings.async_client()
    head = await client.head()
    return await _watch(client, head, await client.post(path, body))


async def _attend(settings: Settings, operation: str) -> Operation:
    client = settings.async_client()
    head = await client.head()
    return await _watch(client, head, await client.get(f"operations/{operation}"))


async def _watch(client: "Client", head: int, operation: Operation) -> Operation:
    """Follow what happens to the machine until it rests; the operation ends with that. A scan has no machine."""
    if operation["state"] == RUNNING and operation["machine"]:
        with _display(operation["machine_name"], operation["kind"]) as note:
            began: datetime | None = None
            async for event in client.follow(head, subject=f"machines/{operation['machine']}"):
                began = began or datetime.fromisoformat(event.time)
                note(_line(event, began))
                if _is_end(event):
                    break
    return await _ended(client, operation)


async def _ended(client: "Client", operation: Operation) -> Operation:
    while operation["state"] == RUNNING:
        operation = await client.get(f"operations/{operation['id']}", wait=_POLL_S)
    return operation


def _succeeded(settings: Settings, operation: Operation) -> Operation:
    """Pass on what has succeeded; of anything else tell the reason and why the machine is where it is, and exit."""
    if operation["state"] == SUCCEEDED:
        return operation
    if settings.form is not Form.PEOPLE:
        emit(settings, operation, lambda: None)
    name, words = (
        operation["machine_name"] or ", ".join(operation["subnets"]),
        f"{operation['kind']} {operation['state']}: {operation['detail']}",
    )
    click.echo(plain(f"fibrix: {name}: {words}"), err=True)
    if operation["machine"]:
        _tell_why(settings, operation)
    sys.exit(EXIT_FAILED)


def _tell_why(settings: Settings, operation: Operation) -> None:
    """Say where the machine is by now, as far as it can be seen."""
    from fibrix.cli.machine_history import print_why  # noqa: PLC0415 - only on failure

    try:
        print_why(settings.client().get(f"machines/{operation['machine']}/why"), err=True)
    except ClientError as exc:  # it is gone, or no longer the caller's
        click.echo(f"fibrix: {exc}", err=True)


def _line(event: CloudEvent, began: datetime) -> str:
    """Write a step with the seconds since the first."""
    seconds = (datetime.fromisoformat(event.time) - began).total_seconds() if event.time else 0.0
    return f"{seconds:8.1f} s  {plain(describe(event.type, event.data))}"


def _is_end(event: CloudEvent) -> bool:
    """Tell whether a machine came to rest, or is gone."""
    after = event.data.get("after")
    at_rest = "trigger" in event.data and after not in {state.value for state in PASSING}
    return at_rest or event.type == "fibrix.machine.deleted"


@contextmanager
def _display(name: str, action: str) -> Iterator[Note]:
    """On a terminal: finished steps, and a clock that runs below them. Elsewhere: plain lines. All on stderr."""
    if not sys.stderr.isatty():
        click.echo(f"{name}: {action}", err=True)
        yield lambda line: click.echo(line, err=True)
        return
    from rich.console import Console  # noqa: PLC0415 - only here
    from rich.live import Live  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)
    clock = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    clock.add_task(f"{name}: {action}", total=None)
    with Live(clock, console=console, refresh_per_second=4):
        yield lambda line: console.print(line, markup=False)
