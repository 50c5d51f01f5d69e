"""`fibrix webhook`: events that are sent to receivers."""

import os
from pathlib import Path
from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import MACHINE, TENANT, WEBHOOK
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, facts, table
from fibrix.errors import ClientError


@click.group(cls=FibrixGroup)
def webhook() -> None:
    """Send events to receivers. WEBHOOK is an id, or a name among your own."""


def _wants(command: Any) -> Any:
    """Add the options that say which events are wanted, and how they are sent."""
    for option in (
        click.option("--type", "types", multiple=True, help="A type, or a beginning: `machine.*`; may be repeated."),
        click.option("--subject", help="A subject, or its beginning up to a slash: `machines/`."),
        click.option("--machine", type=MACHINE, help="Events of this machine only."),
        click.option("--tenant", type=TENANT, help="Events of this tenant only."),
        click.option("--parallel", type=click.IntRange(1, 16), help="Deliveries at once; 1: in order."),
        click.option("--since", metavar="NUMBER|now", help="Begin after this event's number."),
        click.option("--enable/--disable", "enabled", default=None, help="Whether anything is sent."),
    ):
        command = option(command)
    return command


@webhook.command("list")
@pass_settings
def list_webhooks(settings: Settings) -> None:
    """List webhooks."""
    found = settings.items("webhooks")
    rows = [(w["name"], w["id"], w["url"], _filter(w["wants"]), _state(w)) for w in found]
    empty = "no webhooks: make one with `fibrix webhook add NAME URL`"
    emit(settings, found, lambda: table(("NAME", "ID", "URL", "EVENTS", "STATE"), rows, empty=empty))


@webhook.command("show")
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@pass_settings
def show_webhook(settings: Settings, key: str) -> None:
    """Show a webhook, and how far it has come."""
    client = settings.client()
    shown = client.get(f"webhooks/{key}")
    status = client.get(f"webhooks/{shown['id']}/status")
    emit(settings, shown | {"status": status}, lambda: _print(shown, status))


@webhook.command("add", changes=True)
@click.argument("name")
@click.argument("url")
@_wants
@click.option("--to", type=click.Path(path_type=Path), help="Write the secret into this new file, for you alone.")
@pass_settings
def add_webhook(settings: Settings, /, name: str, url: str, *, to: Path | None, **given: Any) -> None:
    """Send events to URL from now on. The secret that signs them is shown this once."""
    _check_free(to)
    made = settings.client().post("webhooks", {"name": name, "url": url} | _body(given, {}))
    _tell_secret(settings, made, to, f"{name} is there: {made['webhook']['id']}")


@webhook.command("edit", changes=True)
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@click.option("--name")
@click.option("--url")
@_wants
@pass_settings
def edit_webhook(settings: Settings, /, key: str, *, name: str | None, url: str | None, **given: Any) -> None:
    """Change a webhook; what is not given stays. An option with an empty value is taken back: --subject ''."""
    client = settings.client()
    answer = client.call("GET", f"webhooks/{key}")
    known = answer.value()
    body = {field: value for field, value in (("name", name), ("url", url)) if value is not None}
    body |= _body(given, known["wants"])
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    changed = client.patch(f"webhooks/{known['id']}", body, version=answer.headers.get("etag", "*"))
    emit(settings, changed, lambda: click.echo(f"{changed['name']} is changed: {_state(changed)}"))


@webhook.command("delete", changes=True)
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@pass_settings
def delete_webhook(settings: Settings, key: str) -> None:
    """Delete a webhook with all that waits for its receiver."""
    settings.client().delete(f"webhooks/{key}")
    emit(settings, None, lambda: click.echo(f"{key} is gone"))


@webhook.command("rotate", changes=True)
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@click.option("--to", type=click.Path(path_type=Path), help="Write the secret into this new file, for you alone.")
@pass_settings
def rotate_secret(settings: Settings, key: str, to: Path | None) -> None:
    """Make another secret; for a while deliveries are signed with the one before too."""
    _check_free(to)
    made = settings.client().post(f"webhooks/{key}/rotate")
    _tell_secret(settings, made, to, f"the secret before is used until {made['webhook']['old_secret_until']}")


@webhook.command("test", changes=True)
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@pass_settings
def test_webhook(settings: Settings, key: str) -> None:
    """Send a test message now, and say what came of it. Exit status 1: it was not taken."""
    came = settings.client().post(f"webhooks/{key}/test")
    words = f"taken: {came['status']}, {came['took_ms']} ms" if came["delivered"] else "it was sent"
    emit(settings, came, lambda: click.echo(words))
    if not came["delivered"]:
        raise ClientError(f"it was not taken: {came['error']}", status=200)


@webhook.command("dead-letters")
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@click.argument("letter", required=False)
@click.option("--drop", is_flag=True, help="Forget LETTER, or all of them.")
@pass_settings
def dead_letters(settings: Settings, key: str, letter: str | None, *, drop: bool) -> None:
    """List events that could not be delivered; with LETTER, show one."""
    path = f"webhooks/{key}/dead-letters"
    if drop:
        count = 1 if letter else 0
        answer = settings.client().delete(f"{path}/{letter}" if letter else path)
        emit(settings, answer, lambda: click.echo(f"{count or answer['count']} forgotten"))
    elif letter:
        shown = settings.client().get(f"{path}/{letter}")
        emit(settings, shown, lambda: facts((name, value) for name, value in shown.items()))
    else:
        found = settings.items(path)
        rows = [(d["id"], d["seq"], d["type"], d["attempts"], ago(d["last_at"]), d["error"]) for d in found]
        columns = ("LETTER", "EVENT", "TYPE", "ATTEMPTS", "LAST", "WHY")
        emit(settings, found, lambda: table(columns, rows, empty="no dead letters"))


@webhook.command("replay", changes=True)
@click.argument("key", metavar="WEBHOOK", type=WEBHOOK)
@click.argument("letter", required=False)
@pass_settings
def replay(settings: Settings, key: str, letter: str | None) -> None:
    """Try LETTER again, or all dead letters."""
    path = f"webhooks/{key}/dead-letters/{letter}/replay" if letter else f"webhooks/{key}/replay"
    done = settings.client().post(path)
    emit(settings, done, lambda: click.echo(f"{done['count']} will be tried again"))


def _body(given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Make the fields of a body out of the options that were given, on top of the present filter."""
    body = {field: given[field] for field in ("parallel", "enabled") if given[field] is not None}
    if given["since"] is not None:
        body["since"] = int(given["since"]) if given["since"].isdecimal() else given["since"]
    wants = {field: given[field] for field in ("subject", "machine", "tenant") if given[field] is not None}
    if given["types"]:
        wants["types"] = [kind for kind in given["types"] if kind]
    return body | ({"wants": known | wants} if wants else {})


def _check_free(to: Path | None) -> None:
    """Refuse to write over a file, before there is a secret that would be lost."""
    if to is not None and to.exists():
        raise click.UsageError(f"{to} is there already: name a new file")


def _tell_secret(settings: Settings, made: dict[str, Any], to: Path | None, words: str) -> None:
    """Print a secret, or keep it in a file that only its owner may read."""
    if to is None:
        emit(settings, made, lambda: click.echo(f"{words}\nsecret (shown this once): {made['secret']}"))
        return
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(made["secret"] + "\n")
    emit(settings, made["webhook"], lambda: click.echo(f"{words}\nthe secret is in {to}"))


def _state(shown: dict[str, Any]) -> str:
    if shown["enabled"]:
        return "enabled"
    return f"disabled: {shown['fault']}" if shown["fault"] else "disabled"


def _filter(wants: dict[str, Any]) -> str:
    """Write a filter in a cell."""
    parts = [",".join(wants["types"]), wants["subject"], wants["machine"], wants["tenant"]]
    return " ".join(part for part in parts if part) or "all"


def _stuck(letter: dict[str, Any]) -> str:
    """Write what a webhook is stuck at."""
    tried = f"{letter['attempts']} attempts, next {ago(letter['next_at'])}"
    return f"{letter['type']} ({letter['seq']}), {tried}: {letter['error']}"


def _print(shown: dict[str, Any], status: dict[str, Any]) -> None:
    waiting, last = status["waiting"], status["last"]
    facts(
        (
            ("name", shown["name"]),
            ("id", shown["id"]),
            ("tenant", shown["tenant"]),
            ("url", shown["url"]),
            ("events", _filter(shown["wants"])),
            ("order", "one after the other" if shown["parallel"] == 1 else f"{shown['parallel']} at once"),
            ("state", _state(shown)),
            ("made", ago(shown["created_at"])),
            ("old secret until", shown["old_secret_until"]),
            ("position", f"{status['position']} of {status['head']}"),
            ("waiting", _stuck(waiting) if waiting else ""),
            ("aside", status["aside"] or ""),
            ("dead letters", status["dead"] or ""),
            ("last attempt", "" if last is None else last["error"] or f"taken, {last['took_ms']} ms"),
        )
    )
