"""The `fibrix` command: global options and the table of its commands."""

from pathlib import Path

import click

from fibrix import __version__
from fibrix.cli.groups import LazyGroup
from fibrix.cli.settings import DEFAULT_STATE_DIR, Form, Settings

MEMBERS = {
    "machine": ("fibrix.cli.machine:machine", "List, show, add and drive machines."),
    "discovery": ("fibrix.cli.discovery:discovery", "List, show and mark what is heard on the wire."),
    "image": ("fibrix.cli.image:image", "List, show, build and delete images."),
    "ssh-key": ("fibrix.cli.ssh_key:ssh_key", "List, add, import and delete SSH keys."),
    "user": ("fibrix.cli.user:user", "List, add, edit and delete users; set passwords."),
    "tenant": ("fibrix.cli.tenant:tenant", "List, add, edit and delete tenants."),
    "api-key": ("fibrix.cli.api_key:api_key", "List, add and revoke API keys."),
    "dns": ("fibrix.cli.dns:dns", "Zones, records, keys for secondaries; what is answered."),
    "subnet": ("fibrix.cli.subnet:subnet", "List, make, change and delete subnets."),
    "range": ("fibrix.cli.fabric:range_", "List, add and delete the ranges of a subnet."),
    "reservation": ("fibrix.cli.reservation:reservation", "Keep addresses for clients."),
    "fabric": ("fibrix.cli.fabric:fabric", "List, declare and delete fabrics."),
    "vlan": ("fibrix.cli.fabric:vlan", "List, declare, change and delete VLANs."),
    "zone": ("fibrix.cli.fabric:zone", "List, declare and delete zones."),
    "dhcp": ("fibrix.cli.addresses:dhcp", "Show leases, and how full subnets are."),
    "ip": ("fibrix.cli.addresses:ip", "Tell who holds an address."),
    "operation": ("fibrix.cli.operation:operation", "List, show, await and cancel long work."),
    "audit": ("fibrix.cli.audit:audit", "Who did what: list, export and verify the records."),
    "webhook": ("fibrix.cli.webhook:webhook", "Send events to receivers."),
    "events": ("fibrix.cli.events:events", "List or follow what happens."),
    "ephemeral": ("fibrix.cli.build:ephemeral", "Build the OS that machines run from RAM."),
    "lab": ("fibrix.cli.lab:lab", "A rack in a box, for whoever has no rack."),
    "login": ("fibrix.cli.login:login", "Remember a controller and an API key for it."),
    "logout": ("fibrix.cli.login:logout", "Forget a profile and its key."),
    "profile": ("fibrix.cli.login:profile", "List the controllers that you logged in to, choose one."),
    "whoami": ("fibrix.cli.login:whoami", "Say who you are to the controller."),
    "open": ("fibrix.cli.login:open_ui", "Print the address of the web interface."),
    "completion": ("fibrix.cli.completion:completion", "Print what makes your shell complete words."),
    "backup": ("fibrix.cli.backup:backup", "Copy everything that the controller knows into one file."),
    "export": ("fibrix.cli.declared:export", "Print what is declared as TOML: tenants, users, keys, reservations."),
    "import": ("fibrix.cli.declared:import_", "Bring about what a file declares."),
    "diff": ("fibrix.cli.declared:diff", "Say what runs otherwise than a file declares."),
    "health": ("fibrix.cli.system:health", "Say how the controller fares."),
    "openapi": ("fibrix.cli.system:openapi", "Print the API's OpenAPI document."),
    "version": ("fibrix.cli.system:version", "Print the version."),
}
"""Every command but `serve` and `restore`, which are in `fibrix.__main__`."""


@click.group(cls=LazyGroup, members=MEMBERS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fibrix")
@click.option("--url", envvar="FIBRIX_URL", default="", help="Where the controller is: http://HOST:PORT or unix:PATH.")
@click.option(
    "--key-file", envvar="FIBRIX_KEY_FILE", type=click.Path(path_type=Path), help="File that holds the API key."
)
@click.option(
    "--state-dir",
    envvar="FIBRIX_STATE_DIR",
    type=click.Path(path_type=Path),
    default=DEFAULT_STATE_DIR,
    show_default=True,
    help="A local controller's state: its socket and its admin key are there.",
)
@click.option("--profile", envvar="FIBRIX_PROFILE", default="", help="A controller that you logged in to.")
@click.option("--json", "as_json", envvar="FIBRIX_JSON", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def cli(ctx: click.Context, *, url: str, key_file: Path | None, state_dir: Path, profile: str, as_json: bool) -> None:
    """Fibrix: a rack of bare servers into machines that can be sold.

    The API key is read from --key-file, FIBRIX_KEY, the profile (`fibrix login`) or the state folder's admin.key. Exit
    status: 0 done, 1 it failed, 2 wrong usage, 3 no controller answers, 4 the key is missing or wrong, 5 not allowed, 6
    no such thing, 7 it clashes with what is there.
    """
    form = Form.JSON if as_json else Form.PEOPLE
    ctx.obj = Settings(url=url, key_file=key_file, state_dir=state_dir, profile=profile, form=form)
