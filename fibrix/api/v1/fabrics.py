"""/api/v1/zones, /api/v1/fabrics and /api/v1/vlans: what machines stand in and subnets are on."""

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.network_views import FabricView, VlanView, ZoneView, vlan_view, zone_view
from fibrix.domain.access import Permission
from fibrix.domain.network_kept import Fabric, Vlan, Zone
from fibrix.domain.ports.networks import Fabrics, NamedSpec, Networks, NoteChanges, VlanChanges, VlanSpec
from fibrix.errors import ConflictError, NotFoundError

ZONES = "/api/v1/zones"
FABRICS = "/api/v1/fabrics"
VLANS = "/api/v1/vlans"
_CLASH = (NotFoundError, ConflictError)


class ZoneRoutes:
    """Zones: those that were declared, and those that machines name."""

    def __init__(self, fabrics: Fabrics) -> None:
        self._fabrics = fabrics

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may, one = Permission.INSPECT, Permission.OPERATE, ZONES + "/{zone}"
        return [
            Route("GET", ZONES, self.listing, see, "List zones"),
            Route("POST", ZONES, self.add, may, "Declare a zone", (ConflictError,), 201),
            Route("GET", one, self.get, see, "Show a zone", (NotFoundError,)),
            Route("PATCH", one, self.edit, may, "Change a zone's note", (NotFoundError,)),
            Route("DELETE", one, self.delete, may, "Remove a zone without machines", _CLASH, 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ZoneView]]]:
        """By name."""
        return listing(ZoneView, map(self._view, self._fabrics.zones()), call.query, lambda view: view.name)

    async def add(self, call: Call[NamedSpec, Nothing]) -> Reply[ZoneView]:
        """Its name is for life."""
        made = await self._fabrics.add_zone(call.body)
        return Reply(self._view(made), headers={"Location": f"{ZONES}/{made.name}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[ZoneView]:
        """One of them."""
        return Reply(self._view(self._fabrics.zone(call.path["zone"])))

    async def edit(self, call: Call[NoteChanges, Nothing]) -> Reply[ZoneView]:
        """What is left out stays as it is."""
        return Reply(self._view(await self._fabrics.update_zone(call.path["zone"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Its machines must be moved first."""
        await self._fabrics.delete_zone(call.path["zone"])
        return Reply(None)

    def _view(self, zone: Zone) -> ZoneView:
        return zone_view(zone, self._fabrics.machines_in(zone.name))


class FabricRoutes:
    """Fabrics: those that were declared, and those that the configuration file names."""

    def __init__(self, fabrics: Fabrics) -> None:
        self._fabrics = fabrics

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may, one = Permission.INSPECT, Permission.OPERATE, FABRICS + "/{fabric}"
        return [
            Route("GET", FABRICS, self.listing, see, "List fabrics"),
            Route("POST", FABRICS, self.add, may, "Declare a fabric", (ConflictError,), 201),
            Route("GET", one, self.get, see, "Show a fabric", (NotFoundError,)),
            Route("PATCH", one, self.edit, may, "Change a fabric's note", (NotFoundError,)),
            Route("DELETE", one, self.delete, may, "Remove a fabric without VLANs", _CLASH, 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[FabricView]]]:
        """By name."""
        return listing(FabricView, map(self._view, self._fabrics.fabrics()), call.query, lambda view: view.name)

    async def add(self, call: Call[NamedSpec, Nothing]) -> Reply[FabricView]:
        """Its name is for life."""
        made = await self._fabrics.add_fabric(call.body)
        return Reply(self._view(made), headers={"Location": f"{FABRICS}/{made.name}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[FabricView]:
        """One of them."""
        return Reply(self._view(self._fabrics.fabric(call.path["fabric"])))

    async def edit(self, call: Call[NoteChanges, Nothing]) -> Reply[FabricView]:
        """What is left out stays as it is."""
        return Reply(self._view(await self._fabrics.update_fabric(call.path["fabric"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Its VLANs must be removed first."""
        await self._fabrics.delete_fabric(call.path["fabric"])
        return Reply(None)

    def _view(self, fabric: Fabric) -> FabricView:
        vlans = tuple(vlan.id for vlan in self._fabrics.vlans() if vlan.fabric == fabric.name)
        return FabricView(name=fabric.name, note=fabric.note, vlans=vlans)


class VlanRoutes:
    """VLANs."""

    def __init__(self, fabrics: Fabrics, networks: Networks) -> None:
        self._fabrics = fabrics
        self._networks = networks

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may, one = Permission.INSPECT, Permission.OPERATE, VLANS + "/{vlan}"
        example = VlanSpec(fabric="default", vid=10, name="customers", interface="eth1.10")
        return [
            Route("GET", VLANS, self.listing, see, "List VLANs"),
            Route("POST", VLANS, self.add, may, "Declare a VLAN", (ConflictError,), 201, example=example),
            Route("GET", one, self.get, see, "Show a VLAN", (NotFoundError,)),
            Route("PATCH", one, self.edit, may, "Change a VLAN; its subnets move with its interface", _CLASH),
            Route("DELETE", one, self.delete, may, "Remove a VLAN without subnets", _CLASH, 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[VlanView]]]:
        """By fabric and number."""
        return listing(VlanView, map(self._view, self._fabrics.vlans()), call.query, lambda v: v.id, order="fabric,vid")

    async def add(self, call: Call[VlanSpec, Nothing]) -> Reply[VlanView]:
        """Its fabric and its number are for life."""
        made = await self._fabrics.add_vlan(call.body)
        return Reply(self._view(made), headers={"Location": f"{VLANS}/{made.id}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[VlanView]:
        """One of them."""
        return Reply(self._view(self._fabrics.vlan(call.path["vlan"])))

    async def edit(self, call: Call[VlanChanges, Nothing]) -> Reply[VlanView]:
        """What is left out stays as it is."""
        return Reply(self._view(await self._fabrics.update_vlan(call.path["vlan"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Its subnets must be moved or removed first."""
        await self._fabrics.delete_vlan(call.path["vlan"])
        return Reply(None)

    def _view(self, vlan: Vlan) -> VlanView:
        subnets = tuple(listed.kept.name for listed in self._networks.all() if listed.kept.vlan == vlan.id)
        return vlan_view(vlan, subnets)
