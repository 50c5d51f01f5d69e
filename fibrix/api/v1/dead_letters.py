"""/api/v1/webhooks/{webhook}/dead-letters: events that could not be delivered, to look at and to send again."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.webhooks import ONE, CountView, DeadLetterView, LetterView, letter_view
from fibrix.domain.access import Permission
from fibrix.domain.ports.webhooks import Webhooks
from fibrix.errors import ConflictError, NotFoundError

LETTERS = ONE + "/dead-letters"
LETTER = LETTERS + "/{letter}"


class DeadLetterRoutes:
    """Dead letters."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def routes(self) -> list[Route]:
        """The part of the route table."""
        use, gone, disabled = Permission.USE, (NotFoundError,), (NotFoundError, ConflictError)
        return [
            Route("GET", LETTERS, self.listing, use, "List a webhook's dead letters", gone),
            Route("DELETE", LETTERS, self.drop_all, use, "Forget a webhook's dead letters", gone),
            Route("GET", LETTER, self.get, use, "Show a dead letter with its event", gone),
            Route("DELETE", LETTER, self.drop, use, "Forget a dead letter", gone, 204),
            Route("POST", LETTER + "/replay", self.replay, use, "Try a dead letter again", disabled, 202),
            Route("POST", ONE + "/replay", self.replay_all, use, "Try all dead letters again", disabled, 202),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[LetterView]]]:
        """In the order of their events."""
        views = map(letter_view, self._webhooks.dead(call.caller, call.path["webhook"]))
        return listing(LetterView, views, call.query, lambda view: view.id, order="seq")

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[DeadLetterView]:
        """What would be sent, byte by byte."""
        letter = self._webhooks.dead_letter(call.caller, call.path["webhook"], call.path["letter"])
        shown = msgspec.structs.asdict(letter_view(letter))
        return Reply(DeadLetterView(**shown, event=msgspec.Raw(letter.body.encode())))

    async def drop(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """For good."""
        await self._webhooks.drop(call.caller, call.path["webhook"], call.path["letter"])
        return Reply(None)

    async def drop_all(self, call: Call[Nothing, Nothing]) -> Reply[CountView]:
        """For good."""
        return Reply(CountView(count=await self._webhooks.drop(call.caller, call.path["webhook"])))

    async def replay(self, call: Call[Nothing, Nothing]) -> Reply[CountView]:
        """It is tried at once, and again for as long as a new event is; others do not wait for it."""
        found = await self._webhooks.replay(call.caller, call.path["webhook"], call.path["letter"])
        return Reply(CountView(count=found))

    async def replay_all(self, call: Call[Nothing, Nothing]) -> Reply[CountView]:
        """They are tried one after the other."""
        return Reply(CountView(count=await self._webhooks.replay(call.caller, call.path["webhook"])))
