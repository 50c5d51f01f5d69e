"""A short run of what `python -m tests.captures.fuzz` does for long."""

from tests.captures.fuzz import frames, run


def test_changed_frames_of_all_cases_raise_nothing_and_tell_nothing_unprintable() -> None:
    good = frames()
    assert len(good) > 500
    *_, (number, engine) = run(20_000, 7, good)
    assert number == 20_000
    counts = engine.counts.values()
    assert sum(each.read for each in counts) > 1_000
    assert sum(each.malformed + each.unproved for each in counts) > 1_000
