"""The Prometheus set-up, used as Prometheus uses it: against a real controller, with nothing but what the files say."""

from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from fibrix.domain.state import State
from tests.app.test_metrics import is_known, used
from tests.support.site import ACME, Site, key_of, served

FOLDER: Final = Path(__file__).parents[2] / "examples" / "prometheus"
SETUP: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
JOBS: Final = {job["job_name"]: job for job in SETUP["scrape_configs"]}
_ON_PATH: Final = "/etc/prometheus/fibrix.key"


async def asked(site: Site, address: str, path: str, who: str, config: dict[str, Any]) -> aiohttp.ClientResponse:
    """Do what Prometheus does with `authorization`: the type is Bearer by default, the key comes from the file."""
    assert address == "127.0.0.1:5240"  # where the configuration has the API by default
    assert config["authorization"] == {"credentials_file": _ON_PATH}
    headers = {
        "Authorization": f"Bearer {key_of(who)}",
        "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
        "Accept-Encoding": "gzip",
        "X-Prometheus-Scrape-Timeout-Seconds": "10",
    }
    async with aiohttp.ClientSession(site.url, headers=headers) as http, http.get(path) as response:
        assert response.status == 200, await response.text()
        await response.read()
        return response


async def test_it_scrapes_the_controller(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        (target,) = JOBS["fibrix"]["static_configs"][0]["targets"]
        response = await asked(site, target, "/metrics", "auditor", JOBS["fibrix"])
        names = {family.name for family in text_string_to_metric_families(await response.text())}
    assert {"fibrix_machines", "fibrix_service_up", "process_resident_memory_bytes"} <= names


async def test_it_finds_the_deployed_machines_and_names_them(tmp_path: Path) -> None:
    (found,) = JOBS["machines"]["http_sd_configs"]
    address, _, path = found["url"].removeprefix("http://").partition("/")
    async with served(tmp_path) as site:
        await site.put("idle")
        await site.put("web-1", State.DEPLOYED, address="192.168.1.20", tenant=ACME, zone="room-2")
        response = await asked(site, address, f"/{path}", "auditor", found)
        assert response.content_type == "application/json"  # Prometheus refuses any other
        (group,) = await response.json()
    assert group["targets"] == ["192.168.1.20:9100"]
    assert relabelled(group["labels"]) == {"machine": "web-1", "tenant": "acme", "zone": "room-2"}


def relabelled(labels: dict[str, str]) -> dict[str, str]:
    """Apply the rules that only copy a label, and drop what begins with `__`, as Prometheus does."""
    made = {}
    for rule in JOBS["machines"]["relabel_configs"]:
        (source,) = rule["source_labels"]
        made[rule["target_label"]] = labels[source]
    return made


def test_every_alert_names_metrics_that_there_are() -> None:
    (group,) = yaml.safe_load((FOLDER / SETUP["rule_files"][0]).read_text())["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names)
    for rule in group["rules"]:
        known = used(rule["expr"])
        assert known or rule["expr"].startswith("up{"), rule
        assert all(is_known(name) for name in known), rule
        assert rule["annotations"]["summary"]
