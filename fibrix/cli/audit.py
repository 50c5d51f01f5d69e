"""`fibrix audit`: who did what, kept elsewhere, and verified."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Final

import click
import msgspec

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.settings import EXIT_FAILED, Settings, pass_settings
from fibrix.cli.show import clock, emit, table

_AGO: Final = re.compile(r"-?([0-9]{1,6})([mhdw])")
_SPANS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PAGE: Final = 500


class Moment(click.ParamType[str]):
    """A moment, or how long ago it was; gives what the API takes."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; without a zone it is this machine's time."""
        if ago := _AGO.fullmatch(value):
            moment = datetime.now(UTC) - timedelta(**{_SPANS[ago[2]]: int(ago[1])})
        else:
            try:
                moment = datetime.fromisoformat(value).astimezone(UTC)
            except (ValueError, OverflowError):
                self.fail(
                    f"{value!r} is not a time: write 2026-01-31, 2026-01-31T12:00Z, or 90m, 12h, 7d, 2w", param, ctx
                )
        return moment.isoformat().replace("+00:00", "Z")


SINCE: Final = click.option("--since", type=Moment(), default=None, help="From then on: 2026-01-31, or 7d for a week.")
UNTIL: Final = click.option("--until", type=Moment(), default=None, help="Up to then.")


@click.group("audit", cls=FibrixGroup)
def audit() -> None:
    """Who did what: list, export and verify the records."""


@audit.command("list")
@click.option("--user", default="", help="An id or a name.")
@click.option("--action", default="", help="As machines_deploy; machines_ for all that begin so.")
@click.option("--subject", default="", help="As machines/ID; machines/ for all that begin so.")
@click.option("--request", default="", help="A request's id, as in the log and in events.")
@click.option("--result", type=click.Choice(["done", "refused", "lost"]), default=None, help="What came of it.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("--oldest-first", is_flag=True, help="From the beginning on.")
@SINCE
@UNTIL
@pass_settings
def list_records(settings: Settings, /, *, limit: int, oldest_first: bool, **wanted: str | None) -> None:
    """List who did what, newest first."""
    query = {name: value for name, value in wanted.items() if value}
    found = _first(settings, limit, query | {"sort": "seq" if oldest_first else "-seq"})
    columns = ("NUMBER", "TIME", "USER", "ACTION", "SUBJECT", "RESULT", "REASON")
    rows = [
        (r["seq"], clock(r["at"]), r["user_name"], r["action"], r["subject"], _result(r), r["reason"]) for r in found
    ]
    emit(settings, found, lambda: table(columns, rows, empty="nothing of the kind is on record"))


@audit.command("export")
@click.argument("file", type=click.File("wb", atomic=True), default="-")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Go on after this number.")
@SINCE
@UNTIL
@pass_settings
def export(settings: Settings, *, file: BinaryIO, after: int, since: str | None, until: str | None) -> None:
    """Write the records into FILE as JSON lines, oldest first (- for stdout).

    What was exported can be verified without the controller: `fibrix audit verify FILE`.
    """
    query = {"after": after or None, "since": since, "until": until}
    settings.client().download("audit/export", file, query={k: v for k, v in query.items() if v is not None})


@audit.command("verify")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--live", is_flag=True, help="Let the controller verify its own records.")
@pass_settings
def verify(settings: Settings, *, file: BinaryIO | None, live: bool) -> None:
    """Verify an exported FILE (- for stdin), or what the controller has, or that both tell the same.

    Exit status 1: records were changed, removed or put in between.
    """
    if file is None and not live:
        raise click.UsageError("name a FILE that was exported, or say --live")
    verdicts: dict[str, dict[str, Any]] = {}
    if file is not None:
        verdicts["file"] = _walk(line.rstrip(b"\n") for line in file)
    if live:
        verdicts["controller"] = settings.client().get("audit/verify")
    if file is not None and live and verdicts["file"]["last"]:
        verdicts["file"] = _compared(settings, verdicts["file"])
    emit(settings, verdicts, lambda: _tell(verdicts))
    if not all(verdict["ok"] for verdict in verdicts.values()):
        click.get_current_context().exit(EXIT_FAILED)


def _first(settings: Settings, limit: int, query: dict[str, str]) -> list[dict[str, Any]]:
    """Get so many records, page by page."""
    client, found, after = settings.client(), list[dict[str, Any]](), ""
    while len(found) < limit:
        page = client.get("audit", **query, after=after, limit=min(_PAGE, limit - len(found)))
        found += page["items"]
        after = page["next"]
        if not after:
            break
    return found


def _result(record: dict[str, Any]) -> str:
    return f"{record['result']} ({record['status']})" if record["status"] else str(record["result"])


def _walk(lines: Iterable[bytes]) -> dict[str, Any]:
    """Verify lines by the rule of docs/audit.md."""
    from fibrix.domain.audit import Walk  # noqa: PLC0415 - quick help

    walk = Walk()
    for line in lines:
        if not walk.take(line):
            break
    verdict: dict[str, Any] = msgspec.to_builtins(walk.verdict)
    return verdict


def _compared(settings: Settings, verdict: dict[str, Any]) -> dict[str, Any]:
    """Look whether the controller's record of this number is the file's last one."""
    from fibrix.errors import ClientError  # noqa: PLC0415 - quick help

    number, words = verdict["last"], ""
    try:
        if settings.client().get(f"audit/{number}")["hash"] != verdict["hash"]:
            words = f"the controller's record {number} is another than the file's: one of them was written anew"
    except ClientError as exc:
        words = f"the controller does not show record {number}, which is in the file: {exc}"
    return verdict if not words else verdict | {"ok": False, "fault": words}


def _tell(verdicts: dict[str, dict[str, Any]]) -> None:
    for where, verdict in verdicts.items():
        if verdict["ok"]:
            click.echo(f"{where}: {verdict['records']} records hold, {verdict['first']} to {verdict['last']}")
            click.echo(f"{where}: the hash of the last one is {verdict['hash']}")
        else:
            click.echo(f"{where}: {verdict['fault']}")
