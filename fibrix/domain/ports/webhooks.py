"""What the API asks about webhooks, and what the deliveries ask of the one who sends."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Annotated, Literal, Protocol, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fibrix.domain.access import Caller
from fibrix.domain.webhook import Letter, Outcome, Webhook
from fibrix.types import TenantId, WebhookId

Start = Annotated[int, Meta(ge=0)] | Literal["now"]
"""Where to begin in the journal: after this number, or after all there is now."""
Parallel = Annotated[int, Meta(ge=1, le=16)]
"""How many deliveries at once."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events, as the stream's parameters have it; what is empty asks for nothing."""

    types: tuple[str, ...] = ()  # exact, or prefixes that end in a dot or a star: `machine.*`
    subject: str = ""  # exact, or a prefix that ends in a slash
    machine: str = ""  # a machine's id, name or MAC
    tenant: str = ""  # a tenant's id


class WebhookSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook to make."""

    name: str
    url: str
    wants: Wanted = Wanted()
    parallel: Parallel = 1
    enabled: bool = True
    since: Start = "now"


class WebhookEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a webhook; what is left out stays. Without `since` it goes on where it is."""

    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    wants: Wanted | UnsetType = UNSET
    parallel: Parallel | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    since: Start | UnsetType = UNSET


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a webhook has come."""

    position: int  # all events up to this number are dealt with
    head: int  # the newest number of the journal
    waiting: Letter | None  # the event that is tried again while others wait for it
    aside: int  # so many are tried again while others go on
    dead: int  # so many are tried no more
    last: Outcome | None  # of the last attempt since the controller started


class Webhooks(Protocol):
    """A caller's webhooks. One that the caller may not see is not there."""

    def all(self, caller: Caller) -> Sequence[Webhook]:
        """All of them, in the order in which they were made."""
        ...

    def find(self, caller: Caller, key: str) -> Webhook:
        """Find one by id, or by name among the caller's own. Raises NotFoundError."""
        ...

    async def create(self, caller: Caller, spec: WebhookSpec) -> tuple[Webhook, str]:
        """Make one; gives its secret too, this once. Raises InvalidError, ConflictError, QuotaError, NotFoundError."""
        ...

    async def edit(self, caller: Caller, key: str, edit: WebhookEdit) -> Webhook:
        """Change one; the caller answers for it from now on. Raises as `find` and `create`."""
        ...

    async def delete(self, caller: Caller, key: str) -> None:
        """Remove one, with all that waits. Raises NotFoundError."""
        ...

    async def rotate(self, caller: Caller, key: str) -> tuple[Webhook, str]:
        """Give it another secret, shown this once; the one before is used too for a while. Raises NotFoundError."""
        ...

    async def test(self, caller: Caller, key: str) -> Outcome:
        """Send it a test message now. Raises NotFoundError."""
        ...

    def progress(self, caller: Caller, key: str) -> Progress:
        """Say how far it has come. Raises NotFoundError."""
        ...

    def dead(self, caller: Caller, key: str) -> Sequence[Letter]:
        """Its dead letters, in the order of their events. Raises NotFoundError."""
        ...

    def dead_letter(self, caller: Caller, key: str, letter: str) -> Letter:
        """One of them. Raises NotFoundError."""
        ...

    async def replay(self, caller: Caller, key: str, letter: str = "") -> int:
        """Try a dead letter again, or all; how many. Raises NotFoundError, ConflictError: the webhook is disabled."""
        ...

    async def drop(self, caller: Caller, key: str, letter: str = "") -> int:
        """Forget a dead letter, or all; how many. Raises NotFoundError."""
        ...


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver."""

    webhook: WebhookId
    url: str
    headers: Mapping[str, str]
    body: bytes
    tenant: TenantId  # whose webhook it is: what may be reached depends on it
    ailing: bool = False  # the attempt before failed: it must not take the place of those that go well


class Sender(Protocol):
    """Sends, for as long as somebody has it open."""

    async def __aenter__(self) -> Self:
        """Open it; it may be opened several times over."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, the last one who has it open its connections too."""
        ...

    async def send(self, post: Post) -> Outcome:
        """Make one attempt. It comes back within a time limit, once it got its turn, and raises nothing."""
        ...
