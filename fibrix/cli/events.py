"""`fibrix events`: what happened, and what happens."""

import asyncio
from typing import Final

import click
import msgspec

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import clock, plain
from fibrix.cli.words import describe
from fibrix.runtime.api_stream import CloudEvent

_PAGE: Final = 1000


@click.command("events", cls=FibrixCommand)
@click.option("--since", type=click.IntRange(min=0), default=None, help="Begin after this number.  [default: 0]")
@click.option("--follow", is_flag=True, help="Go on with what happens; without --since: from now on.")
@click.option("--type", "types", default="", help="Types, or prefixes as machine.*, with commas between them.")
@click.option("--subject", default="", help="As machines/ID.")
@pass_settings
def events(settings: Settings, *, since: int | None, follow: bool, types: str, subject: str) -> None:
    """List or follow what happens. With --json: one CloudEvent a line."""
    list_or_follow(settings, since=since, follow=follow, types=types, subject=subject)


def list_or_follow(settings: Settings, *, since: int | None, follow: bool, types: str, subject: str) -> None:
    """Print the events that there are, or go on for ever."""
    if follow:
        asyncio.run(_follow(settings, since, types, subject))
        return
    client, position = settings.client(), since or 0
    while True:
        query = {"since": position, "limit": _PAGE, "type": types, "subject": subject}
        answer = client.call("GET", "events", query=query)
        for event in msgspec.json.decode(answer.body, type=list[msgspec.Raw]):
            print_event(settings, bytes(event))
        position = int(answer.headers["fibrix-next"])
        if position >= int(answer.headers["fibrix-head"]):
            return


async def _follow(settings: Settings, since: int | None, types: str, subject: str) -> None:
    wanted = tuple(word for word in types.split(",") if word)
    async for text in settings.async_client().follow_texts(since, types=wanted, subject=subject):
        print_event(settings, text.encode())


def print_event(settings: Settings, text: bytes) -> None:
    """Print one event: its JSON as the API gave it, or a line for people."""
    if settings.json:
        click.echo(text)
        return
    event = msgspec.json.decode(text, type=CloudEvent)
    name = event.data.get("name", event.subject)
    line = f"{event.seq or '-':>6}  {clock(event.time):>8}  {name:<20}  {describe(event.type, event.data)}"
    click.echo(plain(line).replace("\n", " "))
