"""Telling people how it goes: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table


class Progress:
    """Lines with the seconds since the beginning, and on a terminal a table of what each machine does now."""

    def __init__(self, console: Console, elapsed_s: Callable[[], float]) -> None:
        self._console = console
        self._elapsed_s = elapsed_s
        self._now: dict[str, tuple[str, float]] = {}

    def line(self, who: str, text: str) -> None:
        """Say that something happened."""
        self._console.print(
            f"{self._elapsed_s():7.1f} s  {who:<7} {text}", markup=False, highlight=False, soft_wrap=True
        )

    def step(self, who: str, text: str) -> None:
        """Say what somebody does from now on."""
        self._now[who] = (text, self._elapsed_s())
        self.line(who, text)

    def show(self, renderable: object) -> None:
        """Print something that rich can draw."""
        self._console.print(renderable)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keep the table below the lines while the block runs; nothing more than lines without a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._table, console=self._console, refresh_per_second=4, transient=True):
            yield

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for who, (text, since) in sorted(self._now.items()):
            table.add_row(who, text, f"{self._elapsed_s() - since:.0f} s")
        return table
