"""`fibrix login`, `logout`, `profile`, `whoami`, `open`: which controller, and as whom."""

import sys
from typing import TextIO

import click
import msgspec

from fibrix.cli import profiles
from fibrix.cli.groups import FibrixCommand, FibrixGroup
from fibrix.cli.profiles import DEFAULT, Profile
from fibrix.cli.settings import DEFAULT_URL, Settings, pass_settings
from fibrix.cli.show import emit, facts, table


@click.command("login", cls=FibrixCommand)
@click.argument("url")
@click.option("--name", default=DEFAULT, show_default=True, help="Name of the profile.")
@click.option("--token-file", type=click.File("r"), help="File with the API key, - for stdin. Without it: a prompt.")
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False, resolve_path=True), help="Trust these certificates."
)
@pass_settings
def login(settings: Settings, url: str, *, name: str, token_file: TextIO | None, ca_file: str | None) -> None:
    """Remember the controller at URL and an API key for it, once the controller has taken the key."""
    key = (token_file.read() if token_file else _prompted()).strip()
    profile = Profile(url=url, key=key, ca_file=ca_file or "")
    me = Settings(url=url, key_given=key, ca_file=profile.ca_file).client().get("me")
    known = profiles.load()
    profiles.save(msgspec.structs.replace(known, current=name, profiles=known.profiles | {name: profile}))
    emit(settings, me, lambda: click.echo(f"logged in to {url} as {me['name']} ({me['role']}); profile {name!r}"))


@click.command("logout", cls=FibrixCommand)
@click.option("--name", default="", help="Name of the profile; without it: the current one.")
@pass_settings
def logout(settings: Settings, *, name: str) -> None:
    """Forget a profile and its key. The key stays good: `fibrix api-key revoke` ends it."""
    known = profiles.load()
    gone = name or known.current
    known.get(gone)
    left = {one: profile for one, profile in known.profiles.items() if one != gone}
    current = next(iter(left), "") if known.current == gone else known.current
    profiles.save(msgspec.structs.replace(known, current=current, profiles=left))
    emit(settings, None, lambda: click.echo(f"the profile {gone!r} is forgotten"))


@click.group("profile", cls=FibrixGroup)
def profile() -> None:
    """List the controllers that you logged in to, choose one."""


@profile.command("list")
@pass_settings
def list_profiles(settings: Settings) -> None:
    """List them; the current one has a star."""
    known = profiles.load()
    found = [{"name": name, "url": one.url, "current": name == known.current} for name, one in known.profiles.items()]
    rows = [("*" if one["current"] else "", one["name"], one["url"]) for one in found]
    emit(settings, found, lambda: table(("", "NAME", "URL"), rows, empty="no profiles: log in with `fibrix login URL`"))


@profile.command("use")
@click.argument("name")
@pass_settings
def use_profile(settings: Settings, name: str) -> None:
    """Use NAME where no other is asked for."""
    known = profiles.load()
    known.get(name)
    profiles.save(msgspec.structs.replace(known, current=name))
    emit(settings, None, lambda: click.echo(f"from now on: {name}"))


@click.command("whoami", cls=FibrixCommand)
@pass_settings
def whoami(settings: Settings) -> None:
    """Say who you are to the controller, and what you may do."""
    me = settings.client().get("me")
    pairs = (
        ("controller", settings.place()),
        ("name", me["name"]),
        ("role", me["role"]),
        ("may", ", ".join(me["may"])),
    )
    emit(settings, me, lambda: facts(pairs))


@click.command("open", cls=FibrixCommand)
@pass_settings
def open_ui(settings: Settings) -> None:
    """Print the address of the web interface, to be opened in a browser."""
    place = settings.place()
    if place.startswith("unix:"):  # no browser takes that
        place = DEFAULT_URL
    emit(settings, {"url": f"{place}/"}, lambda: click.echo(f"{place}/"))


def _prompted() -> str:
    """Ask for the key, without showing it. Where nobody can be asked, stdin has it."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return str(click.prompt("API key", hide_input=True))
