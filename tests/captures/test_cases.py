"""Every case: a capture and what is true of it. A replay tells that, twice with the same bytes."""

import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fibrix.app import case
from fibrix.app.replay import Replay
from tests.captures.again import capture_of

ROOT = Path(__file__).parents[2]
CASES = sorted(Path(__file__).parent.glob("*/*.toml"))
SHARED = ROOT.parent / "shared" / "captures"
OTHERS = sorted(SHARED.glob("*/*.pcap"))
WORDS = {"origin", "firmware", "licence"}


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def replayed(capture: Path) -> tuple[bytes, case.Facts, Replay]:
    replay = Replay.fresh()
    with capture.open("rb") as file:
        entries = list(replay.run([(capture.name, file.read)]))
    return b"\n".join(entry.cloudevent() for entry in entries), case.facts(replay, entries), replay


def facts_of(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


@pytest.mark.parametrize("path", CASES, ids=named)
def test_a_case_says_where_it_is_from_and_a_replay_tells_its_facts(path: Path) -> None:
    wanted = facts_of(path)
    assert [word for word in sorted(WORDS) if not wanted.get(word)] == []
    events, facts, replay = replayed(capture_of(path))
    assert [fault.partition(":")[2].strip() for fault in replay.faults] == list(filter(None, [wanted.get("fault")]))
    assert facts == {"events": wanted["events"], "hosts": wanted["hosts"]}
    assert replayed(capture_of(path))[0] == events


def test_every_capture_is_a_case() -> None:
    captures = Path(__file__).parent.glob("*/*.pcap*")
    assert [path for path in sorted(captures) if path.with_suffix(".toml") not in CASES] == []


@pytest.mark.skipif(not OTHERS, reason=f"needs the folder {SHARED.relative_to(ROOT.parent)} beside the checkout")
@pytest.mark.parametrize("path", OTHERS or [None], ids=named if OTHERS else str)
def test_captures_of_others_are_replayed_and_give_the_same_bytes_twice(path: Path) -> None:
    events, _, replay = replayed(path)
    assert replayed(path)[0] == events
    assert replay.packets or replay.faults


@pytest.mark.parametrize("path", [*CASES[::3], *OTHERS[::5]], ids=named)
@pytest.mark.parametrize("seed", range(3))
def test_a_capture_that_was_tampered_with_ends_in_words(path: Path, seed: int, tmp_path: Path) -> None:
    chance, data = Random(seed), bytearray(capture_of(path).read_bytes()[:20_000])
    for _ in range(1 + len(data) // 200):
        data[chance.randrange(24, len(data))] = chance.randrange(256)
    file = tmp_path / "tampered.pcap"
    file.write_bytes(data[: chance.randrange(24, len(data))])
    events, _, replay = replayed(file)
    assert replayed(file)[0] == events
    assert all(fault.startswith("tampered.pcap: ") for fault in replay.faults)
