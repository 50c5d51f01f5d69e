"""docs/lifecycle.md shows the table as it is."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_from_the_table() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "lifecycle-diagram"))
    assert script["made"]() in (ROOT / "docs" / "lifecycle.md").read_text(), "run scripts/lifecycle-diagram"
