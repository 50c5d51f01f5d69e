"""The names of all metrics: each is documented, well formed and there, and so is all that is made from them."""

import asyncio
import json
import re
import time
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from fibrix.app.metrics.meters import build_meters
from fibrix.app.rack import build_rack
from fibrix.domain.binding import Binding, BindingState, instant_us
from fibrix.domain.network import AddressRange
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.trigger import Trigger
from fibrix.runtime.clock import utc_now
from fibrix.runtime.metrics import catalog
from fibrix.runtime.metrics.family import Counter, Gauge, Histogram
from fibrix.runtime.metrics.http import HttpMeter
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress
from tests.controllers.rig import Clock, rig
from tests.fakes.health import FakeHealth
from tests.fakes.power import FakePower

ROOT: Final = Path(__file__).parents[2]
_UNITS: Final = ("seconds", "bytes")
_OF_THE_LIBRARY: Final = ("process_", "python_")


@pytest.mark.parametrize("family", catalog.FAMILIES, ids=lambda family: str(family.name))
def test_names_follow_the_rules_of_prometheus(family: Counter | Gauge | Histogram) -> None:
    assert re.fullmatch(r"fibrix_[a-z][a-z_]*", family.name)
    assert family.help.endswith((".", "…"))
    assert family.help.strip() == family.help != ""
    assert family.name.endswith("_total") == isinstance(family, Counter)
    assert not re.search(r"_(count|sum|bucket|info)$", family.name) or family is catalog.BUILD_INFO
    assert not any(re.search(rf"_(milli|kilo|mega){unit}", family.name) for unit in _UNITS)
    assert len(set(family.labels)) == len(family.labels)
    assert all(re.fullmatch(r"[a-z]+", label) and label not in {"le", "quantile"} for label in family.labels)


def test_each_name_is_used_once() -> None:
    names = [family.name for family in catalog.FAMILIES]
    assert len(set(names)) == len(names)


def test_the_page_tells_of_every_metric_and_of_no_other() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(fibrix_\w+)` \| \w+ \| (.*) \| [^|]* \|$", page, re.MULTILINE))
    told = {name: re.findall(r"`(\w+)`", labels) for name, labels in rows.items()}
    assert told == {family.name: list(family.labels) for family in catalog.FAMILIES}


def used(expression: str) -> set[str]:
    """The metrics that an expression of PromQL names, without the endings that histograms add."""
    plain = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on|without)\s*\([^)]*\)", " ", expression)
    names = set(re.findall(r"\b(?:fibrix|process|python)_\w+", plain))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def is_known(name: str) -> bool:
    return name.startswith(_OF_THE_LIBRARY) or name in {family.name for family in catalog.FAMILIES}


def test_the_dashboard_loads_and_names_metrics_that_are_there() -> None:
    board = json.loads((ROOT / "config" / "grafana" / "fibrix.json").read_text())
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= board.keys()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    variables = {variable["name"] for variable in board["templating"]["list"]}
    for panel in board["panels"]:
        assert {"id", "title", "type", "gridPos", "datasource", "targets", "fieldConfig", "options"} <= panel.keys()
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        for target in panel["targets"]:
            names = used(target["expr"])
            assert names, target
            assert all(is_known(name) for name in names), target
            assert set(re.findall(r"\$\{?(\w+)", json.dumps(target))) <= variables
            assert target["expr"].count("(") == target["expr"].count(")")


def test_every_metric_is_on_the_dashboard_or_in_an_alert_or_is_for_looking_closer() -> None:
    closer = {
        "oldest_sequence",
        "entries",
        "queued",
        "units",
        "powered",
        "state_duration",
        "refused",
        "operations",
        "solicitations",
        "dns_zone",
        "remembered",
        "dhcp_link",
        "pxe_port",
        "fibrix_scan_",
    }
    text = (ROOT / "config" / "grafana" / "fibrix.json").read_text()
    text += (ROOT / "examples" / "prometheus" / "alerts.yml").read_text()
    unused = {family.name for family in catalog.FAMILIES if family.name not in text}
    assert {name for name in unused if not any(word in name for word in closer)} == set()


async def test_every_family_is_there_when_a_whole_controller_is_read(tmp_path: Path) -> None:
    clock = Clock()
    async with (
        rig(tmp_path, clock, FakePower()) as opened,
        Database(tmp_path / "rack.db", "rack") as rack_db,
    ):
        meters = build_meters(
            opened.shared,
            opened.region,
            opened.core.postal.attempts,
            build_rack(opened.shared, Bindings(rack_db)).meters,
            opened.core.dns.service,
        )
        text = (await meters.exposition(FakeHealth()).text()).decode()
    shown = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    assert {family.name for family in catalog.FAMILIES} - shown == {"fibrix_machine_powered"}
    assert {name for name in shown if not is_known(name)} == set()
    list(text_string_to_metric_families(text))


async def test_how_long_a_state_lasted_is_counted_when_it_is_left(tmp_path: Path) -> None:
    clock = Clock()
    async with rig(tmp_path, clock, FakePower()) as opened:
        meters = build_meters(opened.shared, opened.region, opened.core.postal.attempts)
        durations = meters.services[1]
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(durations.run(ready), name="durations")
            await ready.wait()
            machine = await opened.discovered()
            clock.pass_(100)
            await opened.core.lifecycle.fire(machine, Trigger.RETIRE, "old")
            await asyncio.sleep(0.05)
            task.cancel()
        text = (await meters.exposition(FakeHealth()).text()).decode()
    assert 'fibrix_machine_state_duration_seconds_count{state="New"} 1.0' in text
    assert 'fibrix_machine_state_duration_seconds_bucket{le="120.0",state="New"} 1.0' in text


def test_counting_a_request_takes_no_time() -> None:
    meter = HttpMeter()
    rounds = 20_000
    began = time.perf_counter()
    for _ in range(rounds):
        meter.observe("GET", "/api/v1/machines/{machine}", 200, 0.0012)
    assert (time.perf_counter() - began) / rounds < 20e-6  # 1 µs as a rule; a busy machine is no failure


async def test_how_full_each_range_is_is_told_range_by_range(tmp_path: Path) -> None:
    now = utc_now()
    async with rig(tmp_path, Clock(), FakePower()) as opened, Database(tmp_path / "rack.db", "rack") as rack_db:
        (racks,) = opened.shared.snapshot.value.subnets
        more = AddressRange(first=IPv4Address("192.168.1.10"), last=IPv4Address("192.168.1.19"))
        opened.shared.snapshot.replace(RackSnapshot(subnets=(replace(racks, ranges=(*racks.ranges, more)),)))
        bindings = Bindings(rack_db)
        ends = ((10, 60), (19, 60), (100, 60), (101, -1), (30, 60))
        await bindings.commit(
            [
                Binding(
                    number=int(IPv4Address(f"192.168.1.{number}")),
                    subnet="racks",
                    mac=MacAddress(f"52:54:00:00:00:{number:02x}"),
                    state=BindingState.BOUND,
                    since_us=instant_us(now),
                    until_us=instant_us(now + timedelta(seconds=seconds)),
                )
                for number, seconds in ends
            ]
        )
        meters = build_rack(opened.shared, bindings).meters
        assert meters is not None
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(meters.dhcp.run(ready), name="dhcp")
            await ready.wait()
            samples = [sample for metric in meters.read() for sample in metric.samples]
            task.cancel()
    ranges = {
        (sample.labels["range"], sample.labels["state"]): sample.value
        for sample in samples
        if sample.name == catalog.DHCP_RANGE.name
    }
    assert ranges == {
        ("192.168.1.100-192.168.1.180", "all"): 81,
        ("192.168.1.100-192.168.1.180", "taken"): 1,
        ("192.168.1.10-192.168.1.19", "all"): 10,
        ("192.168.1.10-192.168.1.19", "taken"): 2,
    }
