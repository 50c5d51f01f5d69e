"""What a rehearsed request (`dry_run=true`) is answered: all that would change, and what would be told of it."""

import msgspec

from fibrix.domain.foresee import foresee
from fibrix.domain.foreseen import Foreseen
from fibrix.runtime.scope import Rehearsal


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was changed. What would be refused is refused in the same words as if it were meant."""

    dry_run: bool = True
    changes: tuple[Foreseen, ...]
    events: tuple[str, ...]  # types of the events that would be published, in order


def preview(played: Rehearsal) -> Preview:
    """Tell what a rehearsal came to."""
    changes = [seen for before, after in played.machines for seen in foresee(before, after)]
    acts = [Foreseen(what="act", detail=words) for words in played.acts]
    events = tuple(f"fibrix.{event.type}" for event in played.events)
    return Preview(changes=(*changes, *played.foreseen, *acts), events=events)
