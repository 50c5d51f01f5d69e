"""/api/v1/ssh-keys: public keys that machines are given."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.keys import SshKey, SshKeys
from fibrix.domain.ssh_key import check_line, check_name
from fibrix.errors import ConflictError, NotFoundError

BASE = "/api/v1/ssh-keys"
ONE = BASE + "/{name}"


class SshKeySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to store."""

    name: str
    key: str  # the content of a .pub file


class SshKeyRoutes:
    """SSH keys."""

    def __init__(self, keys: SshKeys) -> None:
        self._keys = keys

    def routes(self) -> list[Route]:
        """The part of the route table."""
        return [
            Route("GET", BASE, self.listing, Permission.READ, "List SSH keys"),
            Route("POST", BASE, self.add, Permission.USE, "Store an SSH key", (ConflictError,), 201),
            Route("GET", ONE, self.get, Permission.READ, "Show an SSH key", (NotFoundError,)),
            Route(
                "DELETE", ONE, self.delete, Permission.USE, "Forget an SSH key; machines keep it", (NotFoundError,), 204
            ),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[SshKey]]]:
        """By name."""
        return listing(SshKey, self._keys.of(call.caller.tenant), call.query, lambda key: key.name)

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[SshKey]:
        """One of them."""
        return Reply(self._keys.get(call.caller.tenant, call.path["name"]))

    async def add(self, call: Call[SshKeySpec, Nothing]) -> Reply[SshKey]:
        """Check it first: a bad one would lock a customer out."""
        name = check_name(call.body.name)
        line, mark = check_line(call.body.key)
        key = await self._keys.add(SshKey(name=name, key=line, fingerprint=mark, tenant=call.caller.tenant))
        return Reply(key, headers={"Location": f"{BASE}/{key.name}"})

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """New machines will not get it."""
        await self._keys.delete(call.caller.tenant, call.path["name"])
        return Reply(None)
