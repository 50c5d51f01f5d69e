"""The options that say how a machine is powered, for add, accept and edit."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

_FIELDS: Final = {
    "power_kind": "kind",
    "bmc_address": "address",
    "bmc_port": "port",
    "bmc_user": "username",
    "bmc_protocol": "protocol",
}
"""Option → field of the API's power settings."""

_OPTIONS: Final = (
    click.option("--power", "power_kind", type=click.Choice(["ipmi", "wol", "manual"]), help="How it is powered."),
    click.option("--bmc-address", help="IPv4 address of its BMC; for wol: where the magic packet is sent."),
    click.option("--bmc-port", type=click.IntRange(1, 65535), help="UDP port of its BMC.  [default: 623]"),
    click.option("--bmc-user", help="User name on its BMC."),
    click.option("--bmc-protocol", type=click.Choice(["auto", "1.5", "2.0"]), help="IPMI version.  [default: auto]"),
    click.option(
        "--bmc-password", envvar="FIBRIX_BMC_PASSWORD", help="Other users may see it here: better the file or variable."
    ),
    click.option(
        "--bmc-password-file", type=click.Path(path_type=Path, allow_dash=True), help="File with it; - for stdin."
    ),
)


def power_options(command: F) -> F:
    """Give a command these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_power(present: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Make the part of a body that these options ask for, on top of the settings that are there already."""
    given = {field: options[name] for name, field in _FIELDS.items() if options[name] is not None}
    if "address" in given and "kind" not in given and not present.get("address"):
        given["kind"] = "ipmi"  # who names a BMC means IPMI
    body: dict[str, Any] = {"power": {**present, **given}} if given else {}
    password = _password(options)
    return body if password is None else {**body, "power_password": password}


def _password(options: Mapping[str, Any]) -> str | None:
    path: Path | None = options["bmc_password_file"]
    if path is None:
        return None if options["bmc_password"] is None else str(options["bmc_password"])
    try:
        with click.open_file(str(path)) as file:
            return str(file.read()).rstrip("\n")
    except OSError as exc:
        raise click.UsageError(f"cannot read {path}: {exc.strerror}") from exc
