"""Networks that are hidden for good: an ISP's public side, a neighbour's wire."""

from collections.abc import Callable, Sequence
from datetime import datetime

from fibrix.controllers.discoveries import DiscoveryKeeper
from fibrix.controllers.host_store import HostStore, HostUnit
from fibrix.domain.census.hiding import MOST_HIDDEN, HiddenNetwork, check_hidden
from fibrix.domain.names import opaque_id
from fibrix.domain.ports.discoveries import HiddenSpec
from fibrix.errors import ConflictError
from fibrix.events.marks import HiddenNetworkCreated, HiddenNetworkDeleted
from fibrix.runtime.scope import rehearsal


class HiddenNetworkController:
    """Fits `domain.ports.discoveries.HiddenNetworks`."""

    def __init__(
        self,
        store: HostStore,
        keeper: DiscoveryKeeper,
        refresh: Callable[[], None],
        now: Callable[[], datetime],
        draw: Callable[[int], int],
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._refresh = refresh
        self._now = now
        self._draw = draw

    def all(self) -> Sequence[HiddenNetwork]:
        """All of them, in the order in which they were made."""
        return self._store.of(HiddenNetwork).all()

    def get(self, hidden: str) -> HiddenNetwork:
        """One of them. Raises NotFoundError."""
        return self._store.of(HiddenNetwork).get(hidden)

    async def add(self, spec: HiddenSpec) -> HiddenNetwork:
        """Hide one; what is kept of its hosts is forgotten. Raises InvalidError, ConflictError, StoreError."""
        made = check_hidden(
            HiddenNetwork(
                id=opaque_id("h", self._draw),
                network=spec.network,
                interface=spec.interface,
                vlan=spec.vlan,
                note=spec.note,
            )
        )

        def work(unit: HostUnit) -> None:
            rows = unit.of(HiddenNetwork)
            if rows.by_key(made.key) is not None:
                raise ConflictError(f"{made.key} is hidden already")
            if len(rows.all()) >= MOST_HIDDEN:
                raise ConflictError(f"{MOST_HIDDEN} networks are hidden already: hide one that holds some of them")
            rows.insert(made)
            unit.append(HiddenNetworkCreated(at=self._now(), id=made.id, hides=made.key))

        await self._store.change(work)
        if rehearsal() is None:
            self._refresh()
            await self._keeper.purge()
        return made

    async def delete(self, hidden: str) -> None:
        """Hide it no more. Raises NotFoundError, StoreError."""

        def work(unit: HostUnit) -> None:
            gone = unit.of(HiddenNetwork).delete(hidden)
            unit.append(HiddenNetworkDeleted(at=self._now(), id=gone.id, hides=gone.key))

        await self._store.change(work)
        self._refresh()
