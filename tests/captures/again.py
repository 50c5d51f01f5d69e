"""Writes the facts of cases anew, from what a replay tells now: `python -m tests.captures.again CASE.toml…`.

Read the difference before you keep it: what has changed has to be right.
"""

import sys
from pathlib import Path

from fibrix.app import case
from fibrix.app.replay import Replay


def capture_of(facts: Path) -> Path:
    """The capture beside the facts of a case."""
    return next(path for suffix in (".pcap", ".pcapng") if (path := facts.with_suffix(suffix)).exists())


def told(capture: Path) -> case.Facts:
    """The facts of one capture."""
    replay = Replay.fresh()
    with capture.open("rb") as file:
        return case.facts(replay, replay.run([(capture.name, file.read)]))


def write_again(facts: Path) -> None:
    """Put the lists, which are the last thing in a file, in the place of those that are there."""
    kept, _, _ = facts.read_text().partition("events = [")
    facts.write_text(kept + case.text(told(capture_of(facts))))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_again(Path(name))
