"""What should be served and is not is shown, whatever it is."""

from pathlib import Path

from fibrix.app.rack import build_rack
from fibrix.app.surroundings import build_surroundings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from tests.controllers.rig import Clock, rig
from tests.fakes.power import FakePower


async def test_the_reason_is_shown_of_each_service_that_is_kept_from_serving(tmp_path: Path) -> None:
    async with rig(tmp_path, Clock(), FakePower()) as opened, Database(tmp_path / "rack.db", "rack") as rack_db:
        meters = build_rack(opened.shared, Bindings(rack_db)).meters
        assert meters is not None
        dns = opened.core.dns.service
        assert dns is not None
        surroundings = build_surroundings(opened.shared, opened.region, meters, dns)
        reasons = []
        for closed in ({}, {"192.0.2.1": "it is no address of this machine"}):
            meters.tftp.closed.update(closed)
            meters.httpboot.closed.update(closed)
            dns.closed.update(closed)
            await surroundings.look()
            reasons += [check.reason for check in surroundings.checks() if check.name == "interfaces"]
    where = "is not answered on 192.0.2.1: it is no address of this machine"
    assert reasons == ["", f"TFTP {where}; HTTP boot {where}; DNS {where}"]
