"""What a change leads to, in words: a machine's state, power, disks and names; the fields of everything else."""

from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from fibrix.domain import consequences
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Machine
from fibrix.domain.zones.things import ZoneRecord

HIDDEN: Final = "(not shown)"

_OF_A_MACHINE: Final = frozenset({"name", "accepted", "macs", "power", "pool", "zone", "tags", "power_state"})
"""The fields of a machine that someone sets; all else follows from something, and is told by what it follows from."""


def foresee(before: Machine | None, after: Machine | None) -> Iterator[Foreseen]:
    """Tell what follows when a machine that was `before` becomes `after`; None: it is not there."""
    machine = after or before
    if machine is None:
        return
    subject = f"machines/{machine.id}" if before else "machines"  # a new one gets another id when it is meant
    if before is None or after is None:
        there = ("", "there") if before is None else ("there", "")
        yield Foreseen(what="machine", subject=subject, before=there[0], after=there[1], detail=machine.name)
    else:
        yield from consequences.state(before, after)
        yield from _edits(subject, before, after, _OF_A_MACHINE)
        yield from consequences.tenancy(before, after)
        yield from consequences.power(before, after)
    yield from consequences.dhcp(subject, before, after)
    yield from consequences.dns(subject, before, after)


def foresee_thing(
    noun: str, path: str, before: msgspec.Struct | None, after: msgspec.Struct | None, shown: Collection[str]
) -> Iterator[Foreseen]:
    """Tell of a thing that is kept whole: that it comes, goes, or which of its fields change.

    `path` is where its kind is in the API. Only the values of fields in `shown` are told: others may be secrets.
    """
    thing = after or before
    if thing is None:
        return
    name = str(getattr(thing, "name", ""))
    if before is None:
        yield Foreseen(what=noun, subject=path, after="there", detail=name)
    elif after is None:
        yield Foreseen(what=noun, subject=_subject(path, before), before="there", detail=name)
    else:
        yield from _edits(_subject(path, before), before, after, shown, others=True)


def secret_changed(what: str, subject: str) -> Foreseen:
    """Tell that a secret is set; never which."""
    return Foreseen(what=what, subject=subject, after=HIDDEN, detail="it takes the place of the one before, if any")


def reserved(subnet: str, address: str, mac: str) -> Foreseen:
    """Tell of an address that one MAC alone gets from now on."""
    return Foreseen(what="dhcp", subject=f"subnets/{subnet}", after=address, detail=f"reserved for {mac}")


def given_back(subnet: str, mac: str) -> Foreseen:
    """Tell of a reservation that goes."""
    detail = "it gets any free address; the one it had stays leased to it until the lease ends"
    return Foreseen(what="dhcp", subject=f"subnets/{subnet}", before=f"reserved for {mac}", detail=detail)


def record_comes(record: ZoneRecord) -> Foreseen:
    """Tell of a record that is added to a zone."""
    return Foreseen(what="dns", subject=f"dns/zones/{record.zone}", after=_said(record))


def record_goes(record: ZoneRecord) -> Foreseen:
    """Tell of a record that is taken out of a zone."""
    return Foreseen(what="dns", subject=f"dns/zones/{record.zone}", before=_said(record))


def _said(record: ZoneRecord) -> str:
    return f"{record.name} {record.type} {record.value}"


def _subject(path: str, thing: msgspec.Struct) -> str:
    return f"{path}/{getattr(thing, 'id', '') or getattr(thing, 'name', '')}"


def _edits(
    subject: str, before: msgspec.Struct, after: msgspec.Struct, shown: Collection[str], *, others: bool = False
) -> Iterator[Foreseen]:
    """Name the fields that differ, with both values. `others`: also those whose values are not shown."""
    for field in before.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if old == new or field in {"id", "revision"}:
            continue
        if field in shown:
            yield from _field(subject, field, old, new)
        elif others:
            yield Foreseen(what=field, subject=subject, before=HIDDEN, after=HIDDEN, detail="it changes")


def _field(subject: str, name: str, old: object, new: object) -> Iterator[Foreseen]:
    """Tell of one field; of a group of fields, each by itself."""
    if isinstance(old, msgspec.Struct) and isinstance(new, msgspec.Struct):
        for part in old.__struct_fields__:
            if getattr(old, part) != getattr(new, part):
                yield from _field(subject, f"{name}.{part}", getattr(old, part), getattr(new, part))
        return
    yield Foreseen(what=name, subject=subject, before=_words(old), after=_words(new))


def _words(value: object) -> str:
    """Write a value."""
    plain = msgspec.to_builtins(value, enc_hook=str)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, list | tuple) and all(isinstance(item, str) for item in plain):
        return ", ".join(plain)
    return msgspec.json.encode(plain).decode()
