"""`fibrix tenant`: the customers."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import TENANT
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, facts, size, table
from fibrix.cli.sizes import SIZE

F = TypeVar("F", bound=Callable[..., object])

UNLIMITED: Final = "unlimited"

_FIGURES: Final = {
    "machines": "machines",
    "cores": "cores",
    "memory": "memory_bytes",
    "disk": "disk_bytes",
    "addresses": "addresses",
}
_SIZES: Final = frozenset({"memory", "disk"})


class Figure(click.ParamType[int | str]):
    """A figure of a quota: a number, a size where it is one of bytes, or `unlimited`."""

    name = "figure"

    def __init__(self, kind: click.ParamType[int]) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Read one."""
        return UNLIMITED if value == UNLIMITED else self._kind.convert(value, param, ctx)


def quota_options(command: F) -> F:
    """Give a command an option for each figure of a quota, and one for pools."""
    words = "Pool that it may draw machines from; may be repeated.  [default of a new one: default]"
    command = click.option("--pool", "pools", multiple=True, help=words)(command)
    for option in reversed(_FIGURES):
        kind = Figure(SIZE if option in _SIZES else click.INT)
        command = click.option(f"--{option}", type=kind, help=f"At most so much {option}, or `{UNLIMITED}`.")(command)
    return command


@click.group(cls=FibrixGroup)
def tenant() -> None:
    """List, add, edit and delete tenants: customers with machines, users and a quota of their own."""


@tenant.command("list")
@pass_settings
def list_tenants(settings: Settings) -> None:
    """List tenants."""
    found = settings.items("tenants")
    rows = [(t["name"], t["title"], _share(t, "machines"), _share(t, "memory_bytes"), t["id"]) for t in found]
    columns = ("NAME", "TITLE", "MACHINES", "MEMORY", "ID")
    empty = "no tenants: add one with `fibrix tenant add NAME`"
    emit(settings, found, lambda: table(columns, rows, empty=empty))


@tenant.command("show")
@click.argument("name", metavar="TENANT", type=TENANT)
@pass_settings
def show_tenant(settings: Settings, name: str) -> None:
    """Show a tenant: what it has, of what it may have."""
    shown = settings.client().get(f"tenants/{name}")
    emit(settings, shown, lambda: _print(shown))


@tenant.command("add", changes=True)
@click.argument("name", metavar="TENANT")
@click.option("--title", default="", help="Its name as people write it.")
@quota_options
@pass_settings
def add_tenant(settings: Settings, /, name: str, *, title: str, **options: Any) -> None:
    """Make a tenant. Without figures it may have as much as there is."""
    body = {"name": name, "title": title, "quota": _quota({}, options)} | _pools(options)
    made = settings.client().post("tenants", body)
    emit(settings, made, lambda: click.echo(f"{made['name']} is made: {made['id']}"))


@tenant.command("edit", changes=True)
@click.argument("key", metavar="TENANT", type=TENANT)
@click.option("--name", default=None)
@click.option("--title", default=None, help="Its name as people write it.")
@quota_options
@pass_settings
def edit_tenant(settings: Settings, /, key: str, *, name: str | None, title: str | None, **options: Any) -> None:
    """Change a tenant's name, title, pools, or single figures of its quota."""
    client = settings.client()
    read = client.call("GET", f"tenants/{key}")
    known = read.value()
    given = {"name": name, "title": title}
    body: dict[str, Any] = {field: value for field, value in given.items() if value is not None} | _pools(options)
    if any(options[option] is not None for option in _FIGURES):
        body["quota"] = _quota(known["quota"], options)
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    changed = client.patch(f"tenants/{known['id']}", body, version=read.headers["etag"])
    emit(settings, changed, lambda: click.echo(f"{changed['name']} is changed"))


@tenant.command("delete", changes=True)
@click.argument("name", metavar="TENANT", type=TENANT)
@pass_settings
def delete_tenant(settings: Settings, name: str) -> None:
    """Remove a tenant with its users and SSH keys. Its machines must be released first."""
    settings.client().delete(f"tenants/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is gone"))


def _quota(known: Mapping[str, int | None], options: Mapping[str, Any]) -> dict[str, int | None]:
    """Put the figures that were given into a quota."""
    given = {_FIGURES[option]: options[option] for option in _FIGURES if options[option] is not None}
    return {**known, **{field: None if value == UNLIMITED else value for field, value in given.items()}}


def _pools(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"pools": options["pools"]} if options["pools"] else {}


def _share(shown: dict[str, Any], field: str) -> str:
    """Write what it has of what it may have: `3 of 8`."""
    write = (lambda figure: size(figure) or "0 B") if field.endswith("_bytes") else str
    limit = shown["quota"][field]
    return f"{write(shown['use'][field])} of {UNLIMITED if limit is None else write(limit)}"


def _print(shown: dict[str, Any]) -> None:
    facts(
        (
            ("name", shown["name"]),
            ("title", shown["title"]),
            ("id", shown["id"]),
            *((option, _share(shown, field)) for option, field in _FIGURES.items()),
            ("pools", ", ".join(shown["pools"])),
            ("made", ago(shown["created_at"])),
        )
    )
