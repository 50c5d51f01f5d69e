"""`fibrix machine boots` as operators type it."""

import json
from typing import Any

import pytest

from fibrix.domain.state import State
from fibrix.events.machine import BootProgressed, StateChanged
from fibrix.types import BootId
from tests.cli.conftest import Command
from tests.support.site import Site


@pytest.mark.timeout(30)
async def test_the_last_boots_are_shown_step_by_step(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1")
    assert "no boots" in (await fibrix("machine", "boots", "web-1")).out

    def about() -> dict[str, Any]:
        return {"at": site.rig.clock(), "machine": machine.id, "name": machine.name}

    for number in range(3):
        asked = StateChanged(
            **about(), before=State.NEW, after=State.COMMISSIONING, trigger="commission", reason="a new one"
        )
        site.rig.clock.pass_(12)
        seen = BootProgressed(**about(), boot=BootId(f"b{number}"), stage="DHCPDISCOVER", detail="from a MAC")
        site.rig.clock.pass_(30.5)
        given_up = StateChanged(
            **about(), before=State.COMMISSIONING, after=State.FAILED_COMMISSIONING, trigger="failed", reason="no agent"
        )
        await site.say(asked, seen, given_up)
    shown = (await fibrix("machine", "boots", "web-1", "--last", "1")).out.splitlines()
    assert shown[0].startswith("b2  ephemeral system for Commissioning  ")
    assert shown[0].endswith("failed, 42.5 s: no agent")
    assert [line.split(maxsplit=2)[2].split(maxsplit=2) for line in shown[1:]] == [
        ["12.0", "s", "asked: a new one"],
        ["30.5", "s", "DHCPDISCOVER: from a MAC"],
    ]
    found = json.loads((await fibrix("machine", "boots", "web-1", "--json")).out)
    assert [boot["id"] for boot in found] == ["b2", "b1", "b0"]
    assert (await fibrix("machine", "boots", "web-1", "--quiet")).out == "b2\nb1\nb0\n"
    assert (await fibrix("machine", "boots", "nobody")).status == 6
