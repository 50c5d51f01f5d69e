"""Printing the events of a replay: the same bytes for the same events, wherever and whenever that is."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from fibrix.cli.events import event_line
from fibrix.cli.settings import Settings
from fibrix.runtime.api_stream import CloudEvent


def event_text(settings: Settings, cloudevent: bytes) -> str:
    """Write an event as it is to be printed: its JSON, or a line for people with the time in UTC."""
    if settings.json:
        return cloudevent.decode()
    event = msgspec.json.decode(cloudevent, type=CloudEvent)
    at = datetime.fromisoformat(event.time).astimezone(UTC)
    return event_line(event, f"{at:%Y-%m-%d %H:%M:%S.%f}")


def write_lines(lines: Iterable[str], *, flush: bool) -> int:
    """Print lines, a hundred thousand if need be; gives how many there were. `flush`: each at once."""
    out, count = sys.stdout.buffer, 0
    for line in lines:
        count += 1
        out.write(line.encode() + b"\n")
        if flush:
            out.flush()
    out.flush()
    return count
