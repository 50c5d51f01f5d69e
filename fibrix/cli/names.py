"""Arguments that name a thing of the controller: a shell completes them with what there is now."""

from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from fibrix.cli.settings import Settings
from fibrix.errors import FibrixError

COMPLETE_VARIABLE: Final = "_FIBRIX_COMPLETE"
_WAIT_S: Final = 2.0  # somebody sits there with a finger on the key


class Name(click.ParamType[str]):
    """The name of a thing in one of the API's lists."""

    def __init__(self, noun: str, path: str, *, field: str = "name") -> None:
        self.name = noun
        self._path = path
        self._field = field

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Ask the controller; where it cannot be asked, nothing is offered."""
        try:
            found = _settings(ctx).client(timeout_s=_WAIT_S).get(self._path, limit=1000)["items"]
        except FibrixError:
            return []
        names = [str(item.get(self._field) or item.get("id")) for item in found]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


MACHINE: Final = Name("machine", "machines")
IMAGE: Final = Name("image", "images")
SSH_KEY: Final = Name("ssh key", "ssh-keys")
SUBNET: Final = Name("subnet", "subnets")
FABRIC: Final = Name("fabric", "fabrics")
VLAN: Final = Name("vlan", "vlans", field="id")
ZONE: Final = Name("zone", "zones")
USER: Final = Name("user", "users")
TENANT: Final = Name("tenant", "tenants")
WEBHOOK: Final = Name("webhook", "webhooks")
DNS_ZONE: Final = Name("zone", "dns/zones")
DNS_KEY: Final = Name("DNS key", "dns/keys")
DISCOVERY: Final = Name("MAC", "discoveries", field="mac")
OPERATION: Final = Name("operation", "operations")


def _settings(ctx: click.Context) -> Settings:
    """The global options, as far as they were typed: no command has been run yet."""
    given = ctx.find_root().params
    key_file: Path | None = given.get("key_file")
    settings = Settings(url=given.get("url") or "", key_file=key_file, profile=given.get("profile") or "")
    if given.get("state_dir") is not None:
        settings.state_dir = given["state_dir"]
    return settings
