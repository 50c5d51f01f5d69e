"""What the census goes by."""

from dataclasses import dataclass, field

from fibrix.domain.census.gate import Pace


@dataclass(frozen=True, slots=True)
class CensusSettings:
    """Bounds and times of the census."""

    silence_s: int = 3_600  # a host that is not heard for so long is gone
    refresh_s: int = 600  # once in so long it is told when a host was heard last
    most_hosts: int = 100_000  # beyond, those that are silent the longest are forgotten
    newcomers: Pace = field(default_factory=Pace)
