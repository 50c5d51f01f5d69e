"""How long each step took: for the lab as a whole, and for each machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.table import Table

WHOLE = "lab"  # the column of what is done once for all machines


@dataclass(frozen=True, slots=True)
class Step:
    """A step that ended well, or did not."""

    who: str
    name: str
    seconds: float
    done: bool


@dataclass(slots=True)
class Timeline:
    """Collects steps. `clock` gives seconds that never go back."""

    clock: Callable[[], float]
    steps: list[Step] = field(default_factory=list)
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        """The first second is now."""
        self.started_at = self.clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self.started_at

    @contextmanager
    def step(self, who: str, name: str) -> Iterator[None]:
        """Time what runs in the block; a step that raises is kept as not done."""
        began, done = self.clock(), False
        try:
            yield
            done = True
        finally:
            self.steps.append(Step(who, name, self.clock() - began, done))

    def seconds(self, who: str, name: str) -> str:
        """Show a step's time; with a mark when it was not finished; empty when it was never begun."""
        shown = [
            f"{step.seconds:.1f}{'' if step.done else ' ✗'}"
            for step in self.steps
            if (step.who, step.name) == (who, name)
        ]
        return shown[-1] if shown else ""

    def table(self) -> Table:
        """Draw one row per step, in order of their first beginning, and one column per machine."""
        columns = [WHOLE, *sorted({step.who for step in self.steps} - {WHOLE})]
        table = Table(title="Timeline (seconds)", show_footer=True)
        table.add_column("step", footer="in all")
        for who in columns:
            total = sum(step.seconds for step in self.steps if step.who == who)
            table.add_column(who, justify="right", footer=f"{total:.1f}")
        for name in dict.fromkeys(step.name for step in self.steps):
            table.add_row(name, *(self.seconds(who, name) for who in columns))
        return table
