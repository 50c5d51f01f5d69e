"""/api/v1/ssh-keys: public keys that machines are given. A tenant has its own; so has the region."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.identity import Tenants
from fibrix.domain.ports.keys import Imported, SshKey, SshKeys
from fibrix.domain.ssh_key import check_line, check_name
from fibrix.errors import ConflictError, NotFoundError
from fibrix.types import TenantId

BASE = "/api/v1/ssh-keys"
ONE = BASE + "/{name}"
IMPORT = "/api/v1/ssh-key-imports"


class OwnerQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose keys."""

    tenant: str = ""  # id or name; empty: the caller's own, which for the region's users are the region's


class SshKeyQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Whose keys, and which of them."""

    tenant: str = ""  # as above


class SshKeySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to store."""

    name: str
    key: str  # the content of a .pub file


class SshKeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys to store."""

    text: str  # the content of an authorized_keys file


class SshKeyRoutes:
    """SSH keys."""

    def __init__(self, keys: SshKeys, tenants: Tenants) -> None:
        self._keys = keys
        self._tenants = tenants

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, use = Permission.READ, Permission.USE
        here, clash = (NotFoundError,), (NotFoundError, ConflictError)
        example = SshKeySpec(name="ann", key="ssh-ed25519 AAAA… ann@laptop")
        return [
            Route("GET", BASE, self.listing, see, "List SSH keys", here),
            Route("POST", BASE, self.add, use, "Store an SSH key", clash, 201, example=example),
            Route("POST", IMPORT, self.add_file, use, "Store all keys of a file, or none", clash, 201),
            Route("GET", ONE, self.get, see, "Show an SSH key", here),
            Route("DELETE", ONE, self.delete, use, "Forget an SSH key; machines keep it", here, 204),
        ]

    async def listing(self, call: Call[Nothing, SshKeyQuery]) -> Reply[Encoded[Page[SshKey]]]:
        """By name."""
        return listing(SshKey, self._keys.of(self._owner(call)), call.query, lambda key: key.name)

    async def get(self, call: Call[Nothing, OwnerQuery]) -> Reply[SshKey]:
        """One of them."""
        return Reply(self._keys.get(self._owner(call), call.path["name"]))

    async def add(self, call: Call[SshKeySpec, OwnerQuery]) -> Reply[SshKey]:
        """Check it first: a bad one would lock a customer out."""
        name = check_name(call.body.name)
        line, mark = check_line(call.body.key)
        key = await self._keys.add(SshKey(name=name, key=line, fingerprint=mark, tenant=self._owner(call)))
        return Reply(key, headers={"Location": f"{BASE}/{key.name}"})

    async def add_file(self, call: Call[SshKeyFile, OwnerQuery]) -> Reply[Imported]:
        """Named after their comments; those that are there already stay as they are."""
        return Reply(await self._keys.add_file(self._owner(call), call.body.text))

    async def delete(self, call: Call[Nothing, OwnerQuery]) -> Reply[None]:
        """New machines will not get it."""
        await self._keys.delete(self._owner(call), call.path["name"])
        return Reply(None)

    def _owner(self, call: Call[msgspec.Struct, OwnerQuery] | Call[Nothing, SshKeyQuery]) -> TenantId:
        """Whose keys a call is about. Raises NotFoundError."""
        tenant = call.query.tenant
        return self._tenants.get(call.caller, tenant).id if tenant else call.caller.tenant
