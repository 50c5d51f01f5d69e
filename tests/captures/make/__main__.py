"""`scripts/make-captures [CASE…]`: makes cases anew; without a name it says which there are."""

import signal
import sys
import time
from pathlib import Path

from tests.captures.make import recipes
from tests.captures.make.lab import SilenceError
from tests.captures.make.recipe import RECIPES
from tests.captures.make.record import record

CAPTURES = Path(__file__).parents[1]


def say(line: str) -> None:
    """Tell at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(names: list[str]) -> int:
    """Make what is named: a case, or all of a protocol."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job has it ignored, and so would the recorder
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # programs and namespaces are gone after that too
    if not names:
        say("\n".join(recipes.ALL))
        return 0
    wanted = [recipe for name in names for key, recipe in RECIPES.items() if name in (key, key.split("/")[0], "all")]
    wanted.sort(key=lambda recipe: bool(recipe.of))
    failed = 0 if wanted else 1
    for recipe in wanted:
        began = time.monotonic()
        if missing := recipe.missing():
            say(f"{recipe.name}: needs Debian's {', '.join(missing)}; scripts/install controller lab test captures")
            failed += 1
            continue
        try:
            file = record(recipe, CAPTURES)
        except SilenceError as exc:
            say(f"{recipe.name}: {exc}")
            failed += 1
            continue
        say(f"{recipe.name}: {file.stat().st_size} octets in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
