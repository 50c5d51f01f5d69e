"""`fibrix user`: those who may log in."""

from typing import Any, Final, TextIO

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import TENANT, USER
from fibrix.cli.passwords import new_password, password_option, present_password
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, facts, table

ROLES: Final = click.Choice(["admin", "operator", "auditor", "tenant"])


@click.group(cls=FibrixGroup)
def user() -> None:
    """List, add, edit and delete users; set passwords."""


@user.command("list")
@pass_settings
def list_users(settings: Settings) -> None:
    """List users."""
    found = settings.items("users")
    rows = [(u["name"], u["role"], u["tenant"], _logs_in(u), ago(u["created_at"])) for u in found]
    columns = ("NAME", "ROLE", "TENANT", "LOGS IN BY", "MADE")
    emit(settings, found, lambda: table(columns, rows, empty="no users"))


@user.command("show")
@click.argument("name", metavar="USER", type=USER)
@pass_settings
def show_user(settings: Settings, name: str) -> None:
    """Show a user with their API keys."""
    client = settings.client()
    shown = client.get(f"users/{name}")
    shown["keys"] = client.get(f"users/{name}/keys")["items"]
    emit(settings, shown, lambda: _print(shown))


@user.command("add", changes=True)
@click.argument("name", metavar="USER")
@click.option("--role", type=ROLES, required=True)
@click.option("--tenant", type=TENANT, default="", help="Whose user it is; for the role tenant.")
@pass_settings
def add_user(settings: Settings, name: str, *, role: str, tenant: str) -> None:
    """Make a user. They log in once they have a password (`user passwd`) or an API key (`api-key add --user`)."""
    made = settings.client().post("users", {"name": name, "role": role, "tenant": tenant})
    emit(settings, made, lambda: click.echo(f"{made['name']} ({made['role']}) is made"))


@user.command("edit", changes=True)
@click.argument("key", metavar="USER", type=USER)
@click.option("--name", default=None)
@click.option("--role", type=ROLES, default=None)
@click.option("--tenant", type=TENANT, default=None, help="Whose user it is; for the role tenant.")
@click.option("--disable/--enable", "disabled", default=None, help="A disabled user is let in nowhere.")
@pass_settings
def edit_user(settings: Settings, /, key: str, **options: Any) -> None:
    """Change a user's name, role or tenant; disable or enable them."""
    body = {field: value for field, value in options.items() if value is not None}
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    client = settings.client()
    read = client.call("GET", f"users/{key}")
    changed = client.patch(f"users/{read.value()['id']}", body, version=read.headers["etag"])
    emit(settings, changed, lambda: click.echo(f"{changed['name']} is changed"))


@user.command("delete", changes=True)
@click.argument("name", metavar="USER", type=USER)
@pass_settings
def delete_user(settings: Settings, name: str) -> None:
    """Remove a user with their API keys; all that they have open is cut off."""
    settings.client().delete(f"users/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is gone"))


@user.command("passwd", changes=True)
@click.argument("name", metavar="[USER]", type=USER, required=False)
@password_option
@click.option("--none", "nothing", is_flag=True, help="Take the password: API keys alone are left to log in with.")
@pass_settings
def passwd(settings: Settings, name: str | None, *, password_file: TextIO | None, nothing: bool) -> None:
    """Set the password of USER, as an admin; without USER change your own. Sessions of the old one end."""
    client = settings.client()
    if nothing:
        if name is None or password_file is not None:
            raise click.UsageError("--none is for USER, and has no password")
        client.delete(f"users/{name}/password")
        done = f"{name} has no password"
    elif name is not None:
        client.post(f"users/{name}/password", {"password": new_password(password_file)})
        done = f"{name} has a new password"
    else:
        present = present_password()
        client.post("me/password", {"present": present, "password": new_password(password_file)})
        done = "you have a new password"
    emit(settings, None, lambda: click.echo(done))


def _logs_in(shown: dict[str, Any]) -> str:
    if shown["disabled"]:
        return "disabled"
    return "password or key" if shown["has_password"] else "key"


def _print(shown: dict[str, Any]) -> None:
    keys = [
        f"{key['name']}  {', '.join(key['scopes']) or 'all'}  used {ago(key['last_used'])}" for key in shown["keys"]
    ]
    facts(
        (
            ("name", shown["name"]),
            ("id", shown["id"]),
            ("role", shown["role"]),
            ("tenant", shown["tenant"]),
            ("logs in by", _logs_in(shown)),
            ("made", ago(shown["created_at"])),
            ("API keys", "\n".join(keys)),
        )
    )
