"""`fibrix export`, `import` and `diff`: the declared part of a region as a file."""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from fibrix.cli.declared_api import Region
from fibrix.cli.groups import FibrixCommand
from fibrix.cli.settings import EXIT_FAILED, Settings, pass_settings
from fibrix.cli.show import emit, plain
from fibrix.domain.declared import FORMAT, SETTLED, Difference, Document, dangling, differences, read
from fibrix.errors import ClientError, Fault, InvalidError

_HOLDS: Final = frozenset({"fabrics", "vlans", "subnets"})
"""Sections whose things can only go when what is in them is gone."""
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.command("export", cls=FibrixCommand)
@click.option("--to", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@pass_settings
def export(settings: Settings, *, file: Path | None) -> None:
    """Print as TOML what people decided, without secrets.

    Networks, tenants, users, SSH keys, reservations, webhooks, DNS zones and the records that were added to them; and,
    to compare with, the subnets of the configuration and the names of images and scripts with their hashes.
    """
    import tomli_w  # noqa: PLC0415 - only here

    found = {"format": FORMAT} | Region(settings).read()
    text = tomli_w.dumps(found)
    if file is not None:
        file.write_text(text)
        return
    emit(settings, found, lambda: click.echo(text, nl=False))


@click.command("diff", cls=FibrixCommand)
@click.argument("file", type=_FILE)
@pass_settings
def diff(settings: Settings, *, file: Path) -> None:
    """Say what runs otherwise than FILE declares. Exit status: 0 nothing, 1 something."""
    declared = _load(file)
    found = differences(declared, Region(settings).read())
    emit(settings, found, lambda: _say(found))
    if found:
        click.get_current_context().exit(EXIT_FAILED)


@click.command("import", cls=FibrixCommand)
@click.argument("file", type=_FILE)
@click.option("--dry-run", "rehearse", is_flag=True, help="Say what would change, or why it would be refused.")
@click.option("--prune", is_flag=True, help="Remove what FILE does not have, in the sections that it has.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def import_(settings: Settings, *, file: Path, rehearse: bool, prune: bool, yes: bool) -> None:
    """Bring about what FILE declares. All that is wrong is told before anything is changed.

    What FILE does not have stays, unless --prune. Subnets of the configuration are refused where they differ, images
    and scripts are files: they are only told.
    """
    declared, region = _load(file), Region(settings)
    there = region.read()
    found = differences(declared, there)
    kept = [one for one in found if one.section == "subnets" and one.name in region.of_file]
    todo = [one for one in found if one.section in SETTLED and (prune or one.after is not None) and one not in kept]
    if faults := [*dangling(declared, there), *_subnets(kept), *_refused(region, todo)]:
        raise InvalidError("\n".join(f"{fault.pointer}: {fault.detail}" for fault in faults), faults=faults)
    notes = [region.settle(one) for one in todo] if _agreed(todo, found, rehearse=rehearse, yes=yes) else []
    for note in filter(None, notes):
        click.echo(note)
    emit(settings, todo, lambda: click.echo(f"{len(todo)} {'to change' if rehearse else 'changed'}"))


def _agreed(todo: Sequence[Difference], found: Sequence[Difference], *, rehearse: bool, yes: bool) -> bool:
    """Show what differs, and ask where there is something to do."""
    _say([one for one in found if one in todo or one.after is not None], file=sys.stderr)
    if rehearse or not todo:
        return False
    return yes or click.confirm("Go on?", abort=True, err=True)


def _load(file: Path) -> Document:
    """Read a file. Raises InvalidError with all its faults."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        return read(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InvalidError(f"{file} is no TOML that can be read: {exc}") from exc


def _subnets(found: Sequence[Difference]) -> list[Fault]:
    words = "subnets are in the configuration of the controller: change them there, then restart it"
    return [Fault(words, f"/subnets/{one.name}") for one in found if one.after is not None]


def _refused(region: Region, todo: Sequence[Difference]) -> list[Fault]:
    """Ask the API about each of them, but for those that need another one to come or to go first."""
    made = {f"{one.section}/{one.name}" for one in todo if one.before is None}
    faults = []
    for one in todo:
        if not _needs(one) & made and not (one.after is None and one.section in _HOLDS):
            try:
                region.settle(one, rehearse=True)
            except ClientError as exc:
                faults.append(Fault(str(exc), f"/{one.section}/{one.name}"))
    return faults


def _needs(one: Difference) -> set[str]:
    """Name what must be there for it."""
    owner, after = one.name.rpartition("/")[0], one.after or {}
    match one.section:
        case "ssh_keys":
            needs = {f"tenants/{owner}"}
        case "users":
            needs = {f"tenants/{after.get('tenant', '')}"}
        case "reservations":
            needs = {f"subnets/{owner}"}
        case "dns_records":
            needs = {f"dns_zones/{one.name.partition(' ')[0]}"}
        case "vlans":
            needs = {f"fabrics/{one.name.rpartition('.')[0]}"}
        case "subnets":
            needs = {f"vlans/{after.get('vlan', '')}"}
        case _:
            needs = set()
    return needs


def _say(found: Sequence[Difference], file: Any = None) -> None:
    for one in found:
        sign = "+" if one.before is None else "-" if one.after is None else "~"
        click.echo(f"{sign} {one.section} {plain(one.name)}", file=file)
        for name in one.fields if one.before and one.after else ():
            before, after = (one.before or {}).get(name), (one.after or {}).get(name)
            click.echo(f"    {name}: {plain(before)} → {plain(after)}", file=file)
