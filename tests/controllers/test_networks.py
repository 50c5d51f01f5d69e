"""Networks of the file and of the store as one: the file goes before what was made by the API."""

from pathlib import Path

import pytest

from fibrix.controllers.networks import Declared, NetworkBook
from fibrix.domain.network_spec import RangeSpec, SubnetSpec
from fibrix.domain.network_text import kept_of
from fibrix.errors import ConflictError
from tests.support.site import site

CUSTOMERS = SubnetSpec(
    name="customers",
    interface="eth1",
    address="10.20.0.1/24",
    ranges=(RangeSpec(first="10.20.0.100", last="10.20.0.109"),),
)


async def test_what_clashes_with_a_file_that_was_changed_later_is_shown_and_not_served(tmp_path: Path) -> None:
    async with site(tmp_path) as there:
        await there.ports.networks.add(CUSTOMERS)
        wider = kept_of(SubnetSpec(name="wider", interface="eth1", address="10.20.1.1/16"))
        book = NetworkBook(there.rig.region, Declared(subnets=(wider,), roles={"eth1": "rack"}))
        shown = {listed.kept.name: listed.fault for listed in book.all()}
        assert shown == {"wider": "", "customers": "10.20.0.0/24 overlaps 10.20.0.0/16 of subnet 'wider'"}
        assert [subnet.name for subnet in book.served()] == ["wider"]


async def test_an_interface_that_the_file_has_no_more_is_not_served(tmp_path: Path) -> None:
    async with site(tmp_path) as there:
        await there.ports.networks.add(CUSTOMERS)
        book = NetworkBook(there.rig.region, Declared(roles={"eth2": "rack"}))
        assert book.served() == ()
        assert "'eth1' is not among [[interfaces]]" in book.get("customers").fault


async def test_what_did_not_change_is_the_very_same_value(tmp_path: Path) -> None:
    async with site(tmp_path) as there:
        networks = there.ports.networks
        await networks.add(CUSTOMERS)
        first = there.rig.core.networks.served()
        again = there.rig.core.networks.served()
        assert all(one is other for one, other in zip(first, again, strict=True))
        await networks.add_range("customers", RangeSpec(first="10.20.0.120", last="10.20.0.129"))
        after = there.rig.core.networks.served()
        assert (after[0] is first[0], after[1] is first[1]) == (True, False)
        with pytest.raises(ConflictError, match="declared in the configuration file"):
            await networks.delete("racks", force=True)
