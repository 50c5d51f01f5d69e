"""docs/api.md and docs/cli.md name what there is, and nothing that there is not."""

import re
from pathlib import Path

import click

from fibrix.__main__ import cli
from tests.api.test_openapi import ROUTES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_the_api_has_every_route_and_no_other() -> None:
    written = set(re.findall(r"^\| (GET|POST|PATCH|DELETE) (\S+) \|", (DOCS / "api.md").read_text(), re.MULTILINE))
    assert written == {(route.method, route.path) for route in ROUTES} | {("GET", "/api/v1/stream")}


def test_the_page_of_the_command_line_has_every_command() -> None:
    page = (DOCS / "cli.md").read_text()
    context = click.Context(cli)
    for name in cli.list_commands(context):
        if name == "lab":
            continue  # it has a page of its own
        assert re.search(rf"`(fibrix )?{name}\b", page), name
        command = cli.get_command(context, name)
        for member in command.list_commands(context) if isinstance(command, click.Group) else ():
            assert re.search(rf"`(fibrix {name} )?{member}\b", page), f"{name} {member}"
