"""/api/v1/me/keys and /api/v1/users/{user}/keys: API keys, whose text is shown once."""

from typing import Any

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import Time
from fibrix.domain.access import Permission
from fibrix.domain.account import ApiKey
from fibrix.domain.ports.identity import ApiKeys, ApiKeySpec
from fibrix.errors import ConflictError, ForbiddenError, NotFoundError
from fibrix.types import ApiKeyId, UserId

OWN = "/api/v1/me/keys"
OF_USER = "/api/v1/users/{user}/keys"
ONE = "/{key}"


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its text, which nobody can be shown again. Without scopes it may all that its user may."""

    id: ApiKeyId
    user: UserId
    name: str
    scopes: tuple[Permission, ...]
    expires_at: Time | None
    created_at: Time
    last_used: Time | None  # to the minute
    last_address: str


class MadeApiKey(ApiKeyView, frozen=True, kw_only=True):
    """An API key that was just made, with its text: it is shown this once."""

    key: str


class ApiKeyRoutes:
    """API keys, as their owner and as an admin has them."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    def routes(self) -> list[Route]:
        """The part of the route table."""
        own, others = Permission.SELF, Permission.ADMINISTER
        here = (NotFoundError,)
        lost, clash = (NotFoundError, ForbiddenError), (ConflictError, ForbiddenError)
        example = ApiKeySpec(name="billing", scopes=(Permission.READ,))
        return [
            Route("GET", OWN, self.own, own, "List your own API keys"),
            Route(
                "POST",
                OWN,
                self.add_own,
                own,
                "Make an API key for yourself; its text is shown this once",
                clash,
                201,
                example=example,
                confidential=True,
            ),
            Route("GET", OWN + ONE, self.get_own, own, "Show one of your own API keys", here),
            Route("DELETE", OWN + ONE, self.revoke_own, own, "Revoke one of your own API keys, at once", lost, 204),
            Route("GET", OF_USER, self.of_user, others, "List a user's API keys", here),
            Route(
                "POST",
                OF_USER,
                self.add_for_user,
                others,
                "Make an API key for a user; its text is shown this once",
                (NotFoundError, *clash),
                201,
                example=example,
                confidential=True,
            ),
            Route("GET", OF_USER + ONE, self.get_of_user, others, "Show one of a user's API keys", here),
            Route("DELETE", OF_USER + ONE, self.revoke_of_user, others, "Revoke a user's API key, at once", lost, 204),
        ]

    async def own(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ApiKeyView]]]:
        """In the order in which they were made."""
        return self._list(call, call.caller.user)

    async def of_user(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ApiKeyView]]]:
        """In the order in which they were made."""
        return self._list(call, call.path["user"])

    async def get_own(self, call: Call[Nothing, Nothing]) -> Reply[ApiKeyView]:
        """By id or name."""
        return Reply(_view(self._keys.get(call.caller.user, call.path["key"])))

    async def get_of_user(self, call: Call[Nothing, Nothing]) -> Reply[ApiKeyView]:
        """By id or name."""
        return Reply(_view(self._keys.get(call.path["user"], call.path["key"])))

    async def add_own(self, call: Call[ApiKeySpec, Nothing]) -> Reply[MadeApiKey]:
        """Never more than the caller themself may."""
        return await self._add(call, call.caller.user, OWN)

    async def add_for_user(self, call: Call[ApiKeySpec, Nothing]) -> Reply[MadeApiKey]:
        """For a program, which has no password to log in with."""
        return await self._add(call, call.path["user"], OF_USER.format(user=call.path["user"]))

    async def revoke_own(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """The one that the call is made with, too."""
        await self._keys.revoke(call.caller, call.caller.user, call.path["key"])
        return Reply(None)

    async def revoke_of_user(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """What is open by it is cut off."""
        await self._keys.revoke(call.caller, call.path["user"], call.path["key"])
        return Reply(None)

    def _list(self, call: Call[Nothing, ListQuery], owner: str) -> Reply[Encoded[Page[ApiKeyView]]]:
        views = [_view(key) for key in self._keys.all(owner)]
        return listing(ApiKeyView, views, call.query, lambda view: view.id, order="created_at")

    async def _add(self, call: Call[ApiKeySpec, Nothing], owner: str, base: str) -> Reply[MadeApiKey]:
        made, text = await self._keys.add(call.caller, owner, call.body)
        fields: dict[str, Any] = {**msgspec.structs.asdict(_view(made)), "key": text}
        return Reply(MadeApiKey(**fields), headers={"Location": f"{base}/{made.id}"})


def _view(key: ApiKey) -> ApiKeyView:
    return msgspec.convert(key, ApiKeyView, from_attributes=True)
