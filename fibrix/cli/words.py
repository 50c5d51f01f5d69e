"""Events in words, a line each."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

Data = Mapping[str, Any]


def describe(kind: str, data: Data) -> str:
    """Say in a line what happened; a type that is not known here is told by its name and fields."""
    plain = kind.removeprefix("fibrix.")
    data = defaultdict(str, data)  # another version's event may lack a field
    if "after" in data and "trigger" in data:
        return f"{data['before']} → {data['after']}: {data['reason']}"
    words = _WORDS.get(plain)
    if words is not None:
        return words(data)
    fields = ", ".join(f"{name} {value}" for name, value in data.items() if name not in {"machine", "name"})
    return f"{plain.replace('_', ' ').replace('.', ' ')} {fields}".strip()


def _place(interface: object, vlan: object) -> str:
    return " ".join(filter(None, [str(interface), f"VLAN {vlan}" if vlan else ""])) or "elsewhere"


def _where(data: Data) -> str:
    return f" on {_place(data['interface'], data['vlan'])}" if data["interface"] or data["vlan"] else ""


def _known(*values: object) -> str:
    return _with(", ".join(str(value) for value in values if value))


def _with(detail: object) -> str:
    return f" ({detail})" if detail else ""


_WORDS: Final[Mapping[str, Callable[[Data], str]]] = {
    "gap": lambda d: f"events before {d['oldest']} are no longer kept",
    "controller.started": lambda d: f"the controller started, version {d['version']}",
    "machine.discovered": lambda d: f"discovered {d['mac']} at {d['address']}{_with(d['product'])}",
    "machine.added": lambda d: f"added with {', '.join(d['macs'])}",
    "machine.accepted": lambda _: "accepted",
    "machine.updated": lambda d: f"changed: {', '.join(d['fields'])}",
    "machine.deleted": lambda _: "deleted",
    "machine.boot_progressed": lambda d: f"{d['stage']}{_with(d['detail'])}",
    "machine.boot_refused": lambda d: f"refused a boot token from {d['address']}: {d['reason']}",
    "machine.script_started": lambda d: f"{d['script']} started ({d['position']} of {d['count']})",
    "machine.script_ended": lambda d: f"{d['script']} {d['status']}{_with(d['reason'])}",
    "machine.power_changed": lambda d: f"power {d['before']} → {d['after']}{_with(d['detail'])}",
    "machine.power_acted": lambda d: f"power {d['action']} accepted{_with(d['why'])}",
    "machine.power_asked": lambda d: f"please power it {d['action']} by hand, then: fibrix machine power confirm",
    "machine.address_changed": lambda d: f"address {d['address']}",
    "machine.reported": lambda d: f"the installed system reported in as {d['hostname']}",
    "operation.started": lambda d: f"{d['kind']} of {d['name']} began",
    "operation.ended": lambda d: f"{d['kind']} of {d['name']} {d['state']}{_with(d['detail'])}",
    "scan.started": lambda d: f"a scan of {', '.join(d['subnets'])} began: {d['packets']} packets at most",
    "scan.ended": lambda d: f"the scan of {', '.join(d['subnets'])} {d['state']}{_with(d['detail'])}",
    "ssh_key.added": lambda d: f"SSH key {d['name']} added {d['fingerprint']}",
    "ssh_key.deleted": lambda d: f"SSH key {d['name']} deleted",
    "webhook.created": lambda d: f"webhook {d['name']} made",
    "webhook.updated": lambda d: f"webhook {d['name']} changed: {', '.join(d['fields'])}",
    "webhook.deleted": lambda d: f"webhook {d['name']} deleted",
    "webhook.disabled": lambda d: f"webhook {d['name']} disabled: {d['reason']}",
    "webhook.dead_letter": lambda d: f"webhook {d['name']} gave up event {d['event']} after {d['attempts']} attempts",
    "tenant.created": lambda d: f"tenant {d['name']} made",
    "tenant.updated": lambda d: f"tenant {d['name']} changed: {', '.join(d['fields'])}",
    "tenant.deleted": lambda d: f"tenant {d['name']} deleted",
    "user.created": lambda d: f"user {d['name']} made, role {d['role']}",
    "user.updated": lambda d: f"user {d['name']} changed: {', '.join(d['fields'])}",
    "user.deleted": lambda d: f"user {d['name']} deleted",
    "user.logged_in": lambda d: f"{d['name']} logged in from {d['address']}",
    "user.login_failed": lambda d: f"a login as {d['name']!r} from {d['address']} failed",
    "api_key.created": lambda d: f"API key {d['name']} of {d['user']} made",
    "api_key.revoked": lambda d: f"API key {d['name']} of {d['user']} revoked",
    "host.untold": lambda d: f"{d['count']} events about hosts were left out: there was a storm of them",
    "census.flooded": lambda d: f"{d['refused']} new hosts were not taken up: too many came at once",
    "census.full": lambda d: (
        f"{d['forgotten']} hosts were forgotten: more are heard than the {d['kept']} that are kept"
    ),
    "discovery.updated": lambda d: f"changed: {', '.join(d['fields'])}",
    "discovery.forgotten": lambda _: "forgotten",
    "hidden_network.created": lambda d: f"nothing is kept of {d['hides']}",
    "hidden_network.deleted": lambda d: f"{d['hides']} is hidden no more",
    "reservation.added": lambda d: f"{d['address']} is reserved for {d['mac']}",
    "reservation.deleted": lambda d: f"the reservation of {d['mac']} is gone",
    "host.seen": lambda d: (
        f"first heard by {d['means'].upper()}{_where(d)}, {d['address'] or 'no address'}{_with(d['vendor'])}"
    ),
    "host.changed": lambda d: f"new: {', '.join(d['fields'])}{_known(d['address'], d['name'], d['kind'])}",
    "host.moved": lambda d: (
        f"moved to {_place(d['interface'], d['vlan'])}, from {_place(d['from_interface'], d['from_vlan'])}"
    ),
    "host.duplicate": lambda d: f"heard{_where(d)} and {_place(d['other_interface'], d['other_vlan'])} in turns",
    "host.gone": lambda d: f"silent for {d['silent_s']} s",
    "host.returned": lambda d: f"back{_where(d)} after {d['away_s']} s",
    "address.contested": lambda d: f"uses {d['address']}, as {d['other']} does",
    "bmc.seen": lambda d: f"is a BMC at {d['address'] or 'no address yet'}{_with(d['evidence'])}",
    "dhcp.server_seen": lambda d: f"gives addresses by DHCP, as {d['address']}",
    "gateway.seen": lambda d: f"is a gateway, as {d['address']}",
}
