import json

import aiohttp
import msgspec
import pytest
import structlog

from fibrix.api.machine_facing import MachineFacingService
from tests.fakes.agents import METADATA_SECRET, FakeMetadata

BASE = f"/metadata/v1/{METADATA_SECRET}"


async def test_meta_data_names_the_deployment(client: aiohttp.ClientSession) -> None:
    async with client.get(f"{BASE}/meta-data") as answer:
        assert json.loads(await answer.read()) == {
            "instance-id": "m0123456789-i1",
            "local-hostname": "web-1",
            "public-keys": [],
        }


async def test_the_report_goes_to_the_address_that_the_machine_reached_whatever_host_it_names(
    client: aiohttp.ClientSession, service: MachineFacingService
) -> None:
    address, port = service.listening[0]
    async with client.get(f"{BASE}/user-data", headers={"Host": "evil.example"}) as answer:
        text = await answer.text()
    assert text.startswith("#cloud-config\n")
    assert f'"url": "http://{address}:{port}{BASE}/report"' in text


async def test_operators_user_data_is_added(client: aiohttp.ClientSession, metadata: FakeMetadata) -> None:
    metadata.deployment = msgspec.structs.replace(metadata.deployment, user_data="#!/bin/sh\necho hello")
    async with client.get(f"{BASE}/user-data") as answer:
        assert (await answer.text()).startswith("Content-Type: multipart/mixed")


async def test_vendor_data_is_empty(client: aiohttp.ClientSession) -> None:
    async with client.get(f"{BASE}/vendor-data") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_a_report_is_passed_on(client: aiohttp.ClientSession, metadata: FakeMetadata) -> None:
    form = {"hostname": "web-1", "instance_id": "m0123456789-i1", "pub_key_ed25519": "ssh-ed25519 AAAA +/="}
    async with client.post(f"{BASE}/report", data=form) as answer:
        assert answer.status == 200
    assert metadata.reports == [("web-1", form)]


@pytest.mark.parametrize(("body", "status"), [(b"\xff=1", 422), (b"&".join([b"a=1"] * 40), 422), (b"a" * 20_000, 413)])
async def test_a_report_that_is_none_is_refused(
    client: aiohttp.ClientSession, metadata: FakeMetadata, body: bytes, status: int
) -> None:
    async with client.post(f"{BASE}/report", data=body) as answer:
        assert answer.status == status
    assert metadata.reports == []


@pytest.mark.parametrize("path", ["meta-data", "user-data", "vendor-data", "report"])
async def test_an_unknown_secret_is_404_counted_and_never_repeated(
    client: aiohttp.ClientSession, service: MachineFacingService, path: str
) -> None:
    method = "POST" if path == "report" else "GET"
    with structlog.testing.capture_logs() as logs:
        async with client.request(method, f"/metadata/v1/gue55ed/{path}") as answer:
            assert answer.status == 404
            assert "gue55ed" not in await answer.text()
    assert service.refused == 1
    assert "gue55ed" not in str(logs)
    assert logs[0]["route"] == f"metadata.{path}"
