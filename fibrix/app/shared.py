"""What region and rack have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fibrix.bus import Bus
from fibrix.config import Config
from fibrix.controllers.heard import Heard
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What region and rack have in common: the bus, the snapshot, and the configuration that each takes its part of."""

    config: Config
    bus: Bus
    snapshot: Cell[RackSnapshot]
    heard: Heard
    now: Callable[[], datetime] = utc_now
