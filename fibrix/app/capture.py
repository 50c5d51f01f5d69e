"""Recording a capture that becomes a case: frames into a pcap, and beside it what is to be known of them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fibrix.app import case
from fibrix.app.recorder import Recorder
from fibrix.app.replay import Replay
from fibrix.errors import ConflictError, StoreError
from fibrix.services.sniffer.program import program
from fibrix.wire.capture import pcap
from fibrix.wire.capture.linktype import EN10MB
from fibrix.wire.scrub.scrubber import Scrubber


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to record."""

    seconds: float | None = None  # None: until somebody ends it
    count: int | None = None  # frames; None: as many as come
    read_only: bool = False  # only what the sniffer reads: nothing that this machine sends
    scrub: bool = False
    scrub_macs: bool = False


@dataclass(frozen=True, slots=True)
class Captured:
    """What was recorded."""

    file: Path
    frames: int
    dropped: int  # that the kernel had no room for
    events: int  # that a replay tells
    facts: Path
    unsaid: tuple[str, ...]  # of the facts, what is still empty

    def told(self) -> dict[str, str | int]:
        """What programs want to know of it."""
        files = {"file": str(self.file), "facts": str(self.facts)}
        return files | {"frames": self.frames, "dropped": self.dropped, "events": self.events}

    def lines(self) -> list[str]:
        """What people want to know of it."""
        lines = [f"{self.frames} frames in {self.file}, {self.events} events in {self.facts}"]
        if self.dropped:
            lines.append(f"{self.dropped} frames are missing: they came faster than they could be written")
        if self.unsaid:
            lines.append(f"say in {self.facts} what is still empty: {', '.join(self.unsaid)}")
        return lines


def capture(interface: str, file: Path, wanted: Wanted, origin: dict[str, str]) -> Captured:
    """Record until there is enough or the user interrupts, then write the facts of the case.

    Raises ConflictError: a file is there; ListenError, InvalidError: the interface; StoreError: the disk.
    """
    file = file if file.suffix == ".pcap" else file.with_name(f"{file.name}.pcap")
    facts = file.with_suffix(".toml")
    for one in (file, facts):
        if one.exists():
            raise ConflictError(f"{one} is there already: choose another name, or remove it")
    try:
        with closing(Recorder(interface, program() if wanted.read_only else b"")) as recorder:
            count = _record(recorder, file, wanted)
            dropped = recorder.dropped()
        with file.open("rb") as capture_:
            replay = Replay.fresh()
            told = case.facts(replay, replay.run([(str(file), capture_.read)]))
        case.write(facts, origin, told)
    except OSError as exc:
        raise StoreError(f"cannot write {exc.filename or file}: {exc.strerror}") from exc
    unsaid = tuple(name for name, value in origin.items() if not value)
    return Captured(file, count, dropped, len(told["events"]), facts, unsaid)


def _record(recorder: Recorder, file: Path, wanted: Wanted) -> int:
    count = 0
    with file.open("xb") as out:
        out.write(pcap.header(EN10MB))
        try:
            for at_us, frame, length in islice(_frames(recorder, wanted), wanted.count):
                out.write(pcap.record(at_us, frame, length))
                count += 1
        except KeyboardInterrupt:  # that is how a user ends it; frames are written whole or not at all
            pass
    return count


def _frames(recorder: Recorder, wanted: Wanted) -> Iterator[tuple[int, bytes, int]]:
    scrubs = wanted.scrub or wanted.scrub_macs
    scrubber = Scrubber(macs=wanted.scrub_macs)
    for at_us, frame, length in recorder.frames(wanted.seconds):
        yield at_us, scrubber.scrub(frame) if scrubs else frame, length
