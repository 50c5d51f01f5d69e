"""Services as a test wants them to fare."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FakeService:
    """How a service fares."""

    name: str
    state: str = "running"
    restarts: int = 0
    last_error: str = ""


@dataclass
class FakeHealth:
    """Services as a test wants them."""

    services: list[FakeService] = field(default_factory=lambda: [FakeService("store"), FakeService("dhcp")])

    def health(self) -> Sequence[FakeService]:
        return self.services
