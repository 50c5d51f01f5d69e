"""A capture as a case: what a replay tells of it, in lines that people read and tests compare."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import tomli_w

from fibrix.app.replay import Replay
from fibrix.domain.census.host import Host
from fibrix.store.entry import Entry

Facts: TypeAlias = dict[str, list[str]]

_HEAD: Final = """\
# Say where this comes from and under which licence it may be copied; read the lists: is that what happened?
"""
_TIMES: Final = frozenset({"first", "last", "at"})
_UNTOLD: Final = _TIMES | {
    "mac",
    "gone",
    "history",
}  # of a host: the rest of it does not depend on when it is looked at

_ODD: Final = frozenset(" ',=/")


def facts(replay: Replay, entries: Iterable[Entry]) -> Facts:
    """The events of a replay, and the hosts as they are known at its end, a line each."""
    events = [_event(entry) for entry in entries]
    return {"events": events, "hosts": [_host(host) for host in replay.hosts.values()]}


def text(of: Mapping[str, str | list[str]]) -> str:
    """Write facts as TOML."""
    return tomli_w.dumps(of, indent=2)


def write(file: Path, origin: dict[str, str], of: Facts) -> None:
    """Write the facts of a case. `origin`: where it is from, what made it, its licence; empty: still to be said."""
    file.write_text(_HEAD + text({**origin, **of}))


def _event(entry: Entry) -> str:
    """Its type, the host's MAC, and its own fields where they say something; its time left out."""
    data: dict[str, Any] = msgspec.json.decode(entry.data)
    mac = data.pop("mac", "")
    return " ".join([entry.type, mac, *_words(data)]).replace("  ", " ")


def _host(host: Host) -> str:
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(host))
    return " ".join([host.mac, *_words({name: value for name, value in data.items() if name not in _UNTOLD})])


def _words(data: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_word(value)}" for name, value in data.items() if value]


def _word(value: object) -> str:
    """A value without spaces around it; texts that would be misread are quoted."""
    if isinstance(value, dict):
        return "/".join(_word(part) for name, part in value.items() if part and name not in _TIMES)
    if isinstance(value, list):
        return ",".join(map(_word, value))
    if isinstance(value, str) and _ODD.intersection(value):
        return f"'{value}'"
    return str(value)
