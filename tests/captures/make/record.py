"""Records a case with `fibrix capture`, and looks at what came of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fibrix.app import case
from tests.captures.again import told
from tests.captures.make.lab import Lab, SilenceError, lab, passes, until
from tests.captures.make.recipe import Recipe

ROOT: Final = Path(__file__).parents[3]
MOST_OCTETS: Final = 60_000
_LICENCE: Final = "free: made for this project"
_WHERE: Final = "scripts/make-captures, programs in network namespaces"


def record(recipe: Recipe, folder: Path) -> Path:
    """Make one case into a folder, in the place of one that is there. Raises SilenceError: something did not come."""
    file = folder / f"{recipe.name}{recipe.suffix}"
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="fxcap-") as scratch:
        fresh = Path(scratch) / "case.pcap"
        Path(scratch).chmod(0o755)  # programs that give up being root read their files there
        if recipe.change:
            recipe.change(folder / f"{recipe.of}.pcap", fresh)
        else:
            _play(recipe, fresh)
        _look(fresh)
        file.write_bytes(fresh.read_bytes())
    facts = file.with_suffix(".toml")
    facts.write_text(case.text({**_said(recipe), **told(file)}))
    return file


def _play(recipe: Recipe, file: Path) -> None:
    with lab(file.parent) as made:
        with _recorded(made, file, recipe):
            if recipe.play:
                recipe.play(made)
        if made.instead:
            file.write_bytes(made.instead.read_bytes())


def _said(recipe: Recipe) -> dict[str, str]:
    said = {"origin": f"{_WHERE}: {recipe.origin}", "firmware": recipe.firmware(), "licence": _LICENCE}
    return said | {"fault": recipe.fault} if recipe.fault else said


@contextmanager
def _recorded(made: Lab, file: Path, recipe: Recipe) -> Iterator[None]:
    options = [word for name, value in _said(recipe).items() if name != "fault" for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "fibrix", "capture", "br0", str(file), "--filter-what-fibrix-reads", *options]
    recorder = subprocess.Popen(
        ["ip", "netns", "exec", made.switch.netns, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until(lambda: file.exists() or recorder.poll() is not None, "the recorder")
        yield
        made.stack.close()  # what programs say as they end is recorded, the switch is not gone yet
        passes(0.3)
    finally:
        recorder.send_signal(signal.SIGINT)
        try:
            out, _ = recorder.communicate(timeout=30)
        finally:
            recorder.kill()
    if recorder.returncode != 0 or not file.with_suffix(".toml").exists():
        raise SilenceError(f"the recorder says: {out.decode()}")


def _look(file: Path) -> None:
    """Refuse what is too much for a case, or names this machine. Raises SilenceError."""
    data = file.read_bytes()
    if not 24 < len(data) < MOST_OCTETS:
        raise SilenceError(f"{len(data)} octets were recorded: that is no case")
    uname = os.uname()
    for word in (uname.release, str(ROOT), f"{uname.nodename}.", uname.version):
        if word.encode() in data:
            raise SilenceError(f"the capture says {word!r}, which is of this machine")
