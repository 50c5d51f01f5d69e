"""`fibrix events`: what happened, what happens, and what may happen."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from fibrix.cli.groups import FibrixCommand, FibrixGroup
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import clock, emit, plain, table
from fibrix.cli.words import describe
from fibrix.runtime.api_stream import CloudEvent

_PAGE: Final = 1000


class EventsGroup(FibrixCommand, FibrixGroup):
    """A command by itself, that has others below it."""


@click.group("events", cls=EventsGroup, invoke_without_command=True)
@click.option("--since", type=click.IntRange(min=0), default=None, help="Begin after this number.  [default: 0]")
@click.option("--follow", is_flag=True, help="Go on with what happens; without --since: from now on.")
@click.option("--type", "types", default="", help="Types, or prefixes as machine.*, with commas between them.")
@click.option("--subject", default="", help="As machines/ID; or a prefix that ends in a slash.")
@click.option("--machine", default="", help="About this machine: its id, name or MAC.")
@click.option("--tenant", default="", help="About things of this tenant: its id or name.")
@click.pass_context
def events(ctx: click.Context, /, *, since: int | None, follow: bool, types: str, **wanted: str) -> None:
    """List or follow what happens. With --json or --jsonl: one CloudEvent a line."""
    if ctx.invoked_subcommand is None:
        list_or_follow(ctx.ensure_object(Settings), {"type": types, **wanted}, since=since, follow=follow)


@events.command("types")
@pass_settings
def types_(settings: Settings) -> None:
    """List the types of events that there are."""
    document = settings.client().get("asyncapi.json")
    found = [_type_of(message) for message in document["components"]["messages"].values()]
    rows = [(each["type"], ", ".join(each["data"]), each["summary"]) for each in found]
    emit(settings, found, lambda: table(("TYPE", "DATA", "WHAT HAPPENED"), rows, empty="no types of events"))


def _type_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Pick out of the AsyncAPI document what people ask about a type."""
    data = message["payload"]["allOf"][1]["properties"]["data"]["properties"]
    return {"type": message["name"], "data": [*data], "summary": message["summary"]}


def list_or_follow(settings: Settings, wanted: Mapping[str, str], *, since: int | None, follow: bool) -> None:
    """Print the events that are wanted and there, or go on for ever."""
    if follow:
        asyncio.run(_follow(settings, since, wanted))
        return
    client, position = settings.client(), since or 0
    while True:
        answer = client.call("GET", "events", query={"since": position, "limit": _PAGE, **wanted})
        for event in msgspec.json.decode(answer.body, type=list[msgspec.Raw]):
            print_event(settings, bytes(event))
        position = int(answer.headers["fibrix-next"])
        if position >= int(answer.headers["fibrix-head"]):
            return


async def _follow(settings: Settings, since: int | None, wanted: Mapping[str, str]) -> None:
    """Print what happens, over lost connections, for as long as they may come back."""
    client = settings.async_client()
    async for text in client.follow_texts(since, wanted, give_up_s=math.inf, lost=_tell_lost):
        print_event(settings, text.encode())


def _tell_lost(reason: str, pause_s: float) -> None:
    click.echo(f"fibrix: {reason}; trying again in {pause_s:.1f} s", err=True)


def print_event(settings: Settings, text: bytes) -> None:
    """Print one event: its JSON as the API gave it, or a line for people."""
    if settings.json:
        click.echo(text)
        return
    event = msgspec.json.decode(text, type=CloudEvent)
    click.echo(event_line(event, clock(event.time)))


def event_line(event: CloudEvent, when: str) -> str:
    """Write an event as a line for people."""
    host = event.subject.removeprefix("discoveries/")
    name = event.data.get("name", event.subject) if host == event.subject else host
    line = f"{event.seq or '-':>6}  {when:>8}  {name:<20}  {describe(event.type, event.data)}"
    return plain(line).replace("\n", " ")
