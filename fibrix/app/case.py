"""A capture as a case: what a replay tells of it, in lines that people read and tests compare."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import tomli_w

from fibrix.store.entry import Entry

_HEAD: Final = """\
# Say where this comes from and under which licence it may be copied; read the events: is that what happened?
"""


def fact(entry: Entry) -> str:
    """An event in a line: its type, the host's MAC, and its own fields where they say something; its time left out."""
    data: dict[str, Any] = msgspec.json.decode(entry.data)
    mac = data.pop("mac", "")
    told = [f"{name}={_word(value)}" for name, value in data.items() if value]
    return " ".join(filter(None, [entry.type, mac, *told]))


def _word(value: object) -> str:
    """A value without spaces around it; texts that would be misread are quoted."""
    if isinstance(value, list):
        return ",".join(map(_word, value))
    if isinstance(value, str) and (not value.isprintable() or {" ", '"', ",", "="}.intersection(value)):
        return msgspec.json.encode(value).decode()
    return str(value)


def write(file: Path, origin: dict[str, str], entries: Iterable[Entry]) -> None:
    """Write the facts of a case. `origin`: where it is from, what made it, its licence; empty: still to be said."""
    text = tomli_w.dumps({**origin, "events": [fact(entry) for entry in entries]}, indent=2)
    file.write_text(_HEAD + text)
