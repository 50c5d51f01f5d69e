"""The rack's snapshot, made by difference: always what a whole one would be, and sharing what did not change."""

from pathlib import Path
from typing import Any

from fibrix.controllers.rack import RackSnapshots
from fibrix.domain.ports.machines import MachineChanges
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from tests.support.site import Site, site


def parts(snapshot: RackSnapshot) -> tuple[Any, ...]:
    return snapshot.subnets, snapshot.boot, snapshot.bmcs, snapshot.ephemeral, snapshot.console


def whole(there: Site) -> RackSnapshot:
    """A snapshot that is made from nothing."""
    rig, cell = there.rig, Cell(RackSnapshot())
    ephemeral = rig.snapshot.value.ephemeral
    RackSnapshots(
        rig.region, rig.region.secrets.key, cell, rig.config, rig.core.networks.served, lambda: ephemeral
    ).refresh()
    return cell.value


async def test_after_every_change_it_is_what_a_whole_one_would_be(tmp_path: Path) -> None:
    async with site(tmp_path) as there:
        rig = there.rig
        ipmi = PowerSettings(kind=PowerKind.IPMI, address="10.0.0.9", username="admin")
        one, two = await there.put("one", power=ipmi), await there.put("two")
        assert parts(rig.snapshot.value) == parts(whole(there))
        before = rig.snapshot.value
        await rig.machines.update(one.id, MachineChanges(power_password="secret", power=ipmi))
        after = rig.snapshot.value
        assert after.bmcs[one.id].password == "secret"
        assert after.bmcs[two.id] is before.bmcs[two.id]
        assert before.bmcs[one.id].password == ""  # the one before is what it was
        assert after.boot is before.boot
        assert after.subnets is before.subnets
        await rig.machines.update(one.id, MachineChanges(macs=("525400aa0001",)))
        assert parts(rig.snapshot.value) == parts(whole(there))
        await rig.region.change(lambda unit: unit.delete(two.id))
        rig.core.snapshots.refresh()
        assert parts(rig.snapshot.value) == parts(whole(there))
        assert list(rig.snapshot.value.bmcs) == [one.id]


async def test_what_changes_nothing_for_the_rack_is_not_handed_over(tmp_path: Path) -> None:
    async with site(tmp_path) as there:
        machine = await there.put("one")
        before = there.rig.snapshot.value
        await there.rig.machines.update(machine.id, MachineChanges(tags=("ssd",)))
        there.rig.core.snapshots.refresh()
        assert there.rig.snapshot.value is before


async def test_a_mac_that_goes_from_one_machine_to_another_boots_the_other(tmp_path: Path) -> None:
    async with site(tmp_path) as there:
        one, two = await there.put("one"), await there.put("two")
        (mac,) = one.macs
        await there.rig.machines.update(one.id, MachineChanges(macs=("525400aa0001",)))
        await there.rig.machines.update(two.id, MachineChanges(macs=(mac,)))
        assert there.rig.snapshot.value.boot[mac].machine == two.id
        assert parts(there.rig.snapshot.value) == parts(whole(there))
