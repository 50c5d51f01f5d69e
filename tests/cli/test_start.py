"""The command line starts fast."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "asyncio", "rich", "sqlite3", "cryptography")


@pytest.mark.parametrize("words", [["--help"], ["machine", "--help"], ["machine", "power", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys; from fibrix.__main__ import cli\n"
        f"cli({words!r}, prog_name='fibrix', standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
