"""The kinds of things that are kept as rows of id, unique key and JSON: one line each."""

from typing import Any, Final

from fibrix.domain.account import ApiKey, Session, Tenant, User
from fibrix.domain.census.discovery import Marks
from fibrix.domain.census.hiding import HiddenNetwork
from fibrix.domain.network_kept import Fabric, KeptSubnet, Vlan, Zone
from fibrix.domain.operation import Operation, key_of
from fibrix.domain.webhook import Cursor, Letter, Webhook
from fibrix.domain.zones.things import DnsKey, DnsZone, HeldAddress
from fibrix.store.rows import Kind

_TENANT: Final = frozenset({"name", "title", "quota", "pools"})
_USER: Final = frozenset({"name", "role", "tenant", "disabled"})
_WEBHOOK: Final = frozenset({"name", "parallel", "enabled", "fault", "old_secret_until"})
_LETTER: Final = frozenset({"state"})
_NETWORK: Final = frozenset({"name", "note", "interface", "mtu"})
_HIDDEN: Final = frozenset({"network", "interface", "vlan", "note"})
_ZONE: Final = frozenset(DnsZone.__struct_fields__)

KINDS: Final[tuple[Kind[Any], ...]] = (
    Kind(Tenant, "tenants", "tenant", lambda t: t.name, lambda _: "tenants", _TENANT),
    Kind(User, "users", "user", lambda u: u.name, lambda _: "users", _USER),
    Kind(ApiKey, "user_keys", "API key", lambda k: k.sha256, lambda k: f"users/{k.user}/keys"),
    Kind(Session, "sessions", "session", lambda s: s.id),
    Kind(Operation, "operations", "operation", key_of, lambda _: "operations", frozenset({"state", "detail"})),
    Kind(Webhook, "webhooks", "webhook", lambda w: f"{w.tenant}/{w.name}", lambda _: "webhooks", _WEBHOOK),
    Kind(Cursor, "webhook_cursors", "webhook", lambda c: c.id),
    Kind(
        Letter,
        "webhook_letters",
        "dead letter",
        lambda letter: letter.id,
        lambda letter: f"webhooks/{letter.webhook}/dead-letters",
        _LETTER,
    ),
    Kind(Zone, "zones", "zone", lambda z: z.name, lambda _: "zones", _NETWORK),
    Kind(Fabric, "fabrics", "fabric", lambda f: f.name, lambda _: "fabrics", _NETWORK),
    Kind(Vlan, "vlans", "VLAN", lambda v: v.id, lambda _: "vlans", _NETWORK),
    Kind(KeptSubnet, "subnets", "subnet", lambda s: s.name),
    Kind(DnsZone, "dns_zones", "DNS zone", lambda z: z.name, lambda _: "dns/zones", _ZONE),
    Kind(DnsKey, "dns_keys", "DNS key", lambda k: k.name, lambda _: "dns/keys"),
    Kind(HeldAddress, "dns_addresses", "address", lambda a: a.id),
    Kind(Marks, "discovery_marks", "discovery", lambda m: m.id),
    Kind(HiddenNetwork, "hidden_networks", "hidden network", lambda h: h.key, lambda _: "hidden-networks", _HIDDEN),
)
"""A new kind: a line here, and a migration that makes its table. A rehearsal tells the values of the named fields."""
