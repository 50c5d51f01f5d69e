"""`fibrix health`, `openapi`, `version`: the controller itself."""

from http import HTTPStatus

import click
import msgspec

from fibrix import __version__
from fibrix.cli.groups import FibrixCommand
from fibrix.cli.settings import EXIT_FAILED, Settings, pass_settings
from fibrix.cli.show import emit, table
from fibrix.runtime.client import checked


@click.command("health", cls=FibrixCommand)
@pass_settings
def health(settings: Settings) -> None:
    """Say how the controller and each of its services fare. Exit status 1: not all are well."""
    answer = settings.client().exchange("GET", "/healthz")
    if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:  # that is how it says that it is not well
        checked(answer)
    told = answer.value()
    columns = ("SERVICE", "STATE", "RESTARTS", "LAST ERROR")
    rows = [(s["name"], s["state"], s["restarts"], s["last_error"]) for s in told["services"]]
    emit(settings, told, lambda: click.echo(f"{told['status']}, version {told['version']}"))
    if not settings.json:
        table(columns, rows, empty="no services")
    if told["status"] != "ok":
        click.get_current_context().exit(EXIT_FAILED)


@click.command("openapi", cls=FibrixCommand)
@pass_settings
def openapi(settings: Settings) -> None:
    """Print the API's OpenAPI document."""
    document = settings.client().call("GET", "openapi.json").body
    click.echo(msgspec.json.format(document, indent=2))


@click.command("version", cls=FibrixCommand)
@pass_settings
def version(settings: Settings) -> None:
    """Print the version of this command."""
    emit(settings, {"version": __version__}, lambda: click.echo(__version__))
