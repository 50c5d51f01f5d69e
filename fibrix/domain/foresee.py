"""What a change of a machine leads to, in words: its state, its power, its disks, its names on the network."""

from collections.abc import Iterator

import msgspec

from fibrix.domain.machine import Machine


class Foreseen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that would change."""

    what: str  # `state`, `power`, `disks`, `dhcp`, `dns`, or the name of a field
    subject: str = ""  # an API path below `/api/v1/`
    before: str = ""
    after: str = ""
    detail: str = ""


def foresee(before: Machine | None, after: Machine | None) -> Iterator[Foreseen]:
    """Tell what follows when a machine that was `before` becomes `after`; None: it is not there."""
    machine = after or before
    if machine is None:
        return
    subject = f"machines/{machine.id}"
    if before is None or after is None:
        there = ("", "there") if before is None else ("there", "")
        yield Foreseen(what="machine", subject=subject, before=there[0], after=there[1], detail=machine.name)
        return
    if before.state is not after.state:
        yield Foreseen(
            what="state", subject=subject, before=before.state.value, after=after.state.value, detail=after.reason
        )
