"""`fibrix api-key`: what programs log in with."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import USER
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, table

_SPAN: Final = re.compile(r"(\d{1,5})([hdw])")
_HOURS: Final = {"h": 1, "d": 24, "w": 168}

user_option = click.option("--user", type=USER, default="", help="Whose; without it: your own. For admins.")


class Expiry(click.ParamType[str]):
    """When a key ends: `12h`, `90d`, `52w` from now, or a time as 2027-01-31 or 2027-01-31T12:00:00Z."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read one into the API's form."""
        span = _SPAN.fullmatch(str(value))
        if span is not None:
            return (datetime.now(UTC) + timedelta(hours=int(span[1]) * _HOURS[span[2]])).isoformat(timespec="seconds")
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time: write 90d, 12h or 2027-01-31", param, ctx)
        return (at if at.tzinfo else at.astimezone()).isoformat()


@click.group("api-key", cls=FibrixGroup)
def api_key() -> None:
    """List, add and revoke API keys."""


@api_key.command("list")
@user_option
@pass_settings
def list_keys(settings: Settings, *, user: str) -> None:
    """List API keys, without their texts."""
    found = settings.items(_base(user))
    rows = [
        (k["name"], ", ".join(k["scopes"]) or "all", _ends(k), ago(k["last_used"]), k["last_address"], k["id"])
        for k in found
    ]
    columns = ("NAME", "MAY", "ENDS", "LAST USED", "FROM", "ID")
    emit(settings, found, lambda: table(columns, rows, empty="no API keys: add one with `fibrix api-key add NAME`"))


@api_key.command("add", changes=True)
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, help="What it may; may be repeated.  [default: all that its user may]"
)
@click.option("--expires", type=Expiry(), help="When it ends: 90d, 12h, 2027-01-31.  [default: never]")
@click.option("--to", "path", type=click.Path(path_type=Path), help="Write it into this new file, for its owner alone.")
@user_option
@pass_settings
def add_key(
    settings: Settings, name: str, *, scopes: tuple[str, ...], expires: str | None, path: Path | None, user: str
) -> None:
    """Make an API key and print it: it is shown this once."""
    body = {"name": name, "scopes": scopes, "expires_at": expires}
    if path is None or settings.rehearse:
        made = settings.client().post(_base(user), body)
        emit(settings, made, lambda: click.echo(made["key"]))
        return
    made = _into_file(settings, path, user, body)
    emit(settings, made, lambda: click.echo(f"{made['name']} is made: its text is in {path}"))


@api_key.command("revoke", changes=True)
@click.argument("name", metavar="KEY")
@user_option
@pass_settings
def revoke_key(settings: Settings, name: str, *, user: str) -> None:
    """End an API key, by name or id; what is open by it is cut off."""
    settings.client().delete(f"{_base(user)}/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is revoked"))


def _into_file(settings: Settings, path: Path, user: str, body: dict[str, Any]) -> dict[str, Any]:
    """Make a key into a file that is there before the key is, so that none gets lost; gives it without its text."""
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")
    except OSError as exc:
        raise click.UsageError(f"cannot make the file {path}: {exc.strerror}") from exc
    try:
        with file:
            made: dict[str, Any] = settings.client().post(_base(user), body)
            file.write(made.pop("key") + "\n")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return made


def _base(user: str) -> str:
    return f"users/{user}/keys" if user else "me/keys"


def _ends(key: dict[str, Any]) -> str:
    return ago(key["expires_at"]) or "never"
