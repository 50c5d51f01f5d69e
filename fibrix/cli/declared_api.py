"""The declared part of a region, read and settled by the API alone."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fibrix.cli.discovery_marks import network_named, where_of
from fibrix.cli.settings import Settings
from fibrix.domain.declared import KINDS, Difference, plain
from fibrix.errors import ClientError

if TYPE_CHECKING:
    from fibrix.runtime.client import BlockingClient


class Region:
    """A region as its API shows it: names in place of ids."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.of_file: frozenset[str] = frozenset()  # names of the subnets that the configuration declares
        self._client: BlockingClient = settings.client()
        self._tenants = {one["id"]: one for one in settings.items("tenants")}
        self._ids: dict[tuple[str, str], str] = {("tenants", one["name"]): one["id"] for one in self._tenants.values()}

    def read(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Read all sections. Raises ClientError: the key may not."""
        subnets = self._settings.items("subnets")
        self.of_file = frozenset(one["name"] for one in subnets if one["source"] == "file")
        return {
            "zones": {z["name"]: _thing("zones", z) for z in self._settings.items("zones") if _declared(z)},
            "fabrics": self._named("fabrics", self._settings.items("fabrics")),
            "vlans": {vlan["id"]: _thing("vlans", vlan) for vlan in self._settings.items("vlans")},
            "subnets": self._named("subnets", subnets),
            "images": self._named("images", self._settings.items("images")),
            "scripts": self._named("scripts", self._settings.items("scripts")),
            "tenants": self._named("tenants", self._tenants.values()),
            "users": self._users(),
            "ssh_keys": self._ssh_keys(),
            "reservations": {
                f"{subnet['name']}/{one['client']}": _thing("reservations", one)
                for subnet in subnets
                for one in subnet["reservations"]
            },
            "webhooks": self._webhooks(),
            "hidden_networks": self._hidden(),
        } | self._dns()

    def _named(self, section: str, things: Any) -> dict[str, dict[str, Any]]:
        return {one["name"]: _thing(section, one) for one in things}

    def _users(self) -> dict[str, dict[str, Any]]:
        users = self._settings.items("users")
        self._ids |= {("users", one["name"]): one["id"] for one in users}
        return {one["name"]: _thing("users", one | {"tenant": self._tenant_name(one["tenant"])}) for one in users}

    def _ssh_keys(self) -> dict[str, dict[str, Any]]:
        found = self._named("ssh_keys", self._settings.items("ssh-keys"))
        for tenant in self._tenants.values():
            keys = self._settings.items("ssh-keys", tenant=tenant["id"])
            found |= {f"{tenant['name']}/{one['name']}": _thing("ssh_keys", one) for one in keys}
        return found

    def _webhooks(self) -> dict[str, dict[str, Any]]:
        own = [one for one in self._settings.items("webhooks") if not one["tenant"]]
        self._ids |= {("webhooks", one["name"]): one["id"] for one in own}
        return self._named("webhooks", own)

    def _hidden(self) -> dict[str, dict[str, Any]]:
        hidden = {network_named(one): one for one in self._settings.items("hidden-networks")}
        self._ids |= {("hidden_networks", name): one["id"] for name, one in hidden.items()}
        return {name: _thing("hidden_networks", one) for name, one in hidden.items()}

    def _dns(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Zones that were declared, and the records that were added to any."""
        zones = self._settings.items("dns/zones")
        records: dict[str, dict[str, Any]] = {}
        for zone in zones:
            for one in self._settings.items(f"dns/zones/{zone['name']}/records", filter="source=added"):
                name = f"{zone['name']} {one['name']} {one['type']} {one['value']}"
                self._ids["dns_records", name] = one["id"]
                ttl = None if one["ttl"] == zone["ttl"] else one["ttl"]
                records[name] = _thing("dns_records", {"ttl": ttl})
        declared = [zone for zone in zones if not zone["automatic"]]
        return {"dns_zones": self._named("dns_zones", declared), "dns_records": records}

    def _tenant_name(self, tenant: str) -> str:
        return str(self._tenants[tenant]["name"]) if tenant in self._tenants else tenant

    def settle(self, one: Difference, *, rehearse: bool = False) -> str:
        """Bring one thing about; gives what there is to say of it, as a webhook's secret. Raises ClientError."""
        ways: Mapping[str, Callable[[Difference, dict[str, str]], str]] = {
            "zones": self._by_name("zones"),
            "fabrics": self._by_name("fabrics"),
            "vlans": self._by_name("vlans"),
            "subnets": self._by_name("subnets"),
            "tenants": self._plainly("tenants"),
            "users": self._plainly("users"),
            "webhooks": self._plainly("webhooks"),
            "ssh_keys": self._ssh_key,
            "reservations": self._reservation,
            "dns_zones": self._zone,
            "dns_records": self._record,
            "hidden_networks": self._hidden_network,
        }
        return ways[one.section](one, {"dry_run": "true"} if rehearse else {})

    def _plainly(self, section: str) -> Callable[[Difference, dict[str, str]], str]:
        """Settle a thing that has an id, and can be edited."""

        def settle(one: Difference, query: dict[str, str]) -> str:
            if one.before is None and one.after is not None:
                made = self._client.call("POST", section, {"name": one.name} | one.after, query=query).value()
                return "" if query else self._made(section, one.name, made)
            path = f"{section}/{self._ids[section, one.name]}"
            if one.after is None:
                self._client.call("DELETE", path, query=query)
                return ""
            read = self._client.call("GET", path)
            if self._present(section, read.value()) != one.before:
                raise ClientError(f"{section} {one.name}: it was changed meanwhile: import again", status=412)
            # the tag of an answer that was compressed on its way is another one's: this client asks for none
            headers = {"If-Match": read.headers["etag"]}
            self._client.call("PATCH", path, _edit(section, one.after), query=query, headers=headers)
            return ""

        return settle

    def _by_name(self, section: str) -> Callable[[Difference, dict[str, str]], str]:
        """Settle a thing whose name is its identity."""

        def settle(one: Difference, query: dict[str, str]) -> str:
            if one.before is None and one.after is not None:
                fabric, _, vid = one.name.rpartition(".")
                named = {"fabric": fabric, "vid": int(vid)} if section == "vlans" else {"name": one.name}
                self._client.call("POST", section, named | one.after, query=query)
                return ""
            path = f"{section}/{one.name}"
            if one.after is None:
                self._client.call("DELETE", path, query=query)
                return ""
            version = {"If-Match": self._client.call("GET", path).headers["etag"]}
            self._client.call("PATCH", path, _edit(section, one.after), query=query, headers=version)
            return ""

        return settle

    def _made(self, section: str, name: str, made: dict[str, Any]) -> str:
        view = made.get("webhook", made)
        self._ids[section, name] = view["id"]
        if section == "tenants":
            self._tenants[view["id"]] = view
        return f"webhook {name} has the secret {made['secret']}, which is shown this once" if "secret" in made else ""

    def _present(self, section: str, shown: dict[str, Any]) -> dict[str, Any]:
        named = shown | {"tenant": self._tenant_name(shown["tenant"])} if section == "users" else shown
        return _thing(section, named)

    def _ssh_key(self, one: Difference, query: dict[str, str]) -> str:
        """A key is no longer itself when it is changed: the old one goes first."""
        owner, _, name = one.name.rpartition("/")
        whole = query | ({"tenant": self._ids["tenants", owner]} if owner else {})
        if one.before is not None:
            self._client.call("DELETE", f"ssh-keys/{name}", query=whole)
        if one.after is not None and not (query and one.before):
            self._client.call("POST", "ssh-keys", {"name": name} | one.after, query=whole)
        return ""

    def _hidden_network(self, one: Difference, query: dict[str, str]) -> str:
        """What is said of it is for life: the old one goes first."""
        where = where_of(one.name)
        if one.before is not None:
            self._client.call("DELETE", f"hidden-networks/{self._ids['hidden_networks', one.name]}", query=query)
        if one.after is not None and not (query and one.before is not None):
            self._client.call("POST", "hidden-networks", where | one.after, query=query)
        return ""

    def _reservation(self, one: Difference, query: dict[str, str]) -> str:
        subnet, _, client = one.name.rpartition("/")
        path = f"subnets/{subnet}/reservations"
        identified = client.startswith("id:")
        whose = {"client_id": client.removeprefix("id:")} if identified else {"mac": client}
        if one.before is not None:
            self._client.call("DELETE", f"{path}/{client}", query=query)
        if one.after is not None and not (query and one.before):
            self._client.call("POST", path, whose | one.after, query=query)
        return ""

    def _zone(self, one: Difference, query: dict[str, str]) -> str:
        path = f"dns/zones/{one.name}"
        if one.after is None:
            self._client.call("DELETE", path, query=query)
        elif one.before is None:
            self._client.call("POST", "dns/zones", {"name": one.name} | one.after, query=query)
        else:
            headers = {"If-Match": self._client.call("GET", path).headers["etag"]}
            self._client.call("PATCH", path, _edit("dns_zones", one.after), query=query, headers=headers)
        return ""

    def _record(self, one: Difference, query: dict[str, str]) -> str:
        zone, name, kind, value = one.name.split(maxsplit=3)
        path = f"dns/zones/{zone}/records"
        known = f"{path}/{self._ids.get(('dns_records', one.name), '')}"
        body = {"name": name, "type": kind, "value": value, "ttl": (one.after or {}).get("ttl")}
        if one.after is None:
            self._client.call("DELETE", known, query=query)
        elif one.before is None:
            self._client.call("POST", path, body, query=query)
        else:
            self._client.call("PUT", known, body, query=query, headers={"If-Match": "*"})
        return ""


def _thing(section: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Take from what the API shows what is declared of it."""
    kind = KINDS[section]
    wanted = {name: shown[name] for name in kind.__struct_fields__ if name in shown}
    if section == "images" and not wanted.get("sha256"):
        manifest = shown.get("manifest") or {}
        wanted["sha256"] = manifest.get("sha256", "")
    return plain(msgspec.convert(wanted, kind))


_WHOLE: Final = ("zones", "fabrics", "vlans", "subnets", "tenants", "users", "webhooks", "dns_zones")


def _declared(zone: Mapping[str, Any]) -> bool:
    """Whether somebody wrote something about a zone; else machines name it, and that is all there is to it."""
    return bool(zone["note"]) or not zone["machines"]


def _edit(section: str, after: dict[str, Any]) -> dict[str, Any]:
    """Say every field, those too that are as they would be anyway: what is left out of a PATCH stays as it is."""
    assert section in _WHOLE  # noqa: S101 - those that have an id
    thing = msgspec.convert(after, KINDS[section])
    whole: dict[str, Any] = msgspec.to_builtins({name: getattr(thing, name) for name in thing.__struct_fields__})
    return whole
