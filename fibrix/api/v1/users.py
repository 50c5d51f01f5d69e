"""/api/v1/users: those who may log in."""

from typing import Annotated

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import Time
from fibrix.domain.access import Permission, Role
from fibrix.domain.account import User
from fibrix.domain.ports.identity import UserChanges, Users, UserSpec
from fibrix.errors import ConflictError, NotFoundError, ThrottledError
from fibrix.types import TenantId, UserId

BASE = "/api/v1/users"
ONE = BASE + "/{user}"

NewPassword = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
"""A password to be; how long exactly it must be is looked at with all that a password must be."""


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user, without what they log in with."""

    id: UserId
    name: str
    role: Role
    tenant: TenantId  # empty: they belong to the region
    disabled: bool
    has_password: bool
    created_at: Time
    revision: int


class PasswordSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password."""

    password: NewPassword


class UserRoutes:
    """Users, as admins have them."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def routes(self) -> list[Route]:
        """The part of the route table."""
        may = Permission.ADMINISTER
        here, clash = (NotFoundError,), (NotFoundError, ConflictError)
        example = UserSpec(name="ann", role=Role.OPERATOR)
        return [
            Route("GET", BASE, self.listing, may, "List users"),
            Route("POST", BASE, self.add, may, "Make a user", (ConflictError,), 201, example=example),
            Route("GET", ONE, self.get, may, "Show a user", here),
            Route("PATCH", ONE, self.edit, may, "Edit, disable or enable a user", clash),
            Route("DELETE", ONE, self.delete, may, "Remove a user with their API keys and sessions", clash, 204),
            Route(
                "POST",
                ONE + "/password",
                self.set_password,
                may,
                "Give a user a new password; their sessions end",
                (NotFoundError, ThrottledError),
                204,
                confidential=True,
            ),
            Route(
                "DELETE",
                ONE + "/password",
                self.drop_password,
                may,
                "Leave a user API keys alone to log in with; their sessions end",
                here,
                204,
            ),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[UserView]]]:
        """By name."""
        views = [user_view(user) for user in self._users.all()]
        return listing(UserView, views, call.query, lambda view: view.id, order="name")

    async def add(self, call: Call[UserSpec, Nothing]) -> Reply[UserView]:
        """They cannot log in before they have a password or an API key."""
        made = await self._users.add(call.body)
        return Reply(user_view(made), headers={"Location": f"{BASE}/{made.id}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[UserView]:
        """By id or name."""
        return Reply(user_view(self._users.get(call.path["user"])))

    async def edit(self, call: Call[UserChanges, Nothing]) -> Reply[UserView]:
        """What is left out stays as it is."""
        return Reply(user_view(await self._users.update(call.path["user"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """All that they have open is cut off."""
        await self._users.delete(call.path["user"])
        return Reply(None)

    async def set_password(self, call: Call[PasswordSpec, Nothing]) -> Reply[None]:
        """Without the present one."""
        await self._users.set_password(call.path["user"], call.body.password)
        return Reply(None)

    async def drop_password(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """For a program's user."""
        await self._users.set_password(call.path["user"], "")
        return Reply(None)


def user_view(user: User) -> UserView:
    """Show a user."""
    return UserView(
        id=user.id,
        name=user.name,
        role=user.role,
        tenant=user.tenant,
        disabled=user.disabled,
        has_password=bool(user.password_hash),
        created_at=user.created_at,
        revision=user.revision,
    )
