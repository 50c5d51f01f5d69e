"""Images, SSH keys and subnets over HTTP."""

import aiohttp
import pytest

from tests.support.site import Site

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3WivSGCR8s7oMfjCuJ4KmnvG85FUV77EvQSPHfE3Sp"


async def test_images_are_listed_with_the_reason_why_one_is_broken(site: Site, http: aiohttp.ClientSession) -> None:
    (site.rig.config.images_dir / "odd").mkdir()
    async with http.get("/api/v1/images") as response:
        items = (await response.json())["items"]
    assert [(image["name"], image["fault"].rpartition(": ")[2]) for image in items] == [
        ("debian-12", ""),
        ("odd", "No such file or directory"),
    ]
    async with http.get("/api/v1/images/debian-12") as response:
        assert (await response.json())["manifest"]["size_bytes"] == 10**9
    async with http.delete("/api/v1/images/odd") as response:
        assert response.status == 204
    async with http.get("/api/v1/images/odd") as response:
        assert response.status == 404


async def test_a_stored_ssh_key_has_the_fingerprint_that_ssh_keygen_tells(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/ssh-keys", json={"name": "ann", "key": f"{ED25519} ann@laptop\n"}) as response:
        assert response.status == 201
        assert response.headers["Location"] == "/api/v1/ssh-keys/ann"
        key = await response.json()
    assert key["key"] == f"{ED25519} ann@laptop"
    assert key["fingerprint"].startswith("SHA256:")
    async with http.get("/api/v1/ssh-keys") as response:
        assert (await response.json())["items"] == [key]
    async with http.post("/api/v1/ssh-keys", json={"name": "ann", "key": ED25519}) as response:
        assert response.status == 409
    async with http.delete("/api/v1/ssh-keys/ann") as response:
        assert response.status == 204
    async with http.get("/api/v1/ssh-keys/ann") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("name", "key", "pointer"),
    [
        ("../x", ED25519, "/name"),
        ("", ED25519, "/name"),
        ("ann", "", "/key"),
        ("ann", "-----BEGIN OPENSSH PRIVATE KEY-----", "/key"),
        ("ann", ED25519[:40], "/key"),
        ("ann", ED25519[:-2], "/key"),
        ("ann", ED25519.replace("ssh-ed25519", "ssh-rsa"), "/key"),
        ("ann", 'command="id" ' + ED25519, "/key"),
        ("ann", ED25519 + "\n" + ED25519, "/key"),
    ],
)
async def test_what_is_no_ssh_public_key_is_refused(
    site: Site, http: aiohttp.ClientSession, name: str, key: str, pointer: str
) -> None:
    async with http.post("/api/v1/ssh-keys", json={"name": name, "key": key}) as response:
        assert response.status == 422
        assert (await response.json(content_type=None))["pointer"] == pointer
    assert not site.rig.region.ssh_keys.all()


async def test_a_subnet_is_shown_with_its_use_and_reservations(http: aiohttp.ClientSession) -> None:
    path = "/api/v1/subnets/racks/reservations"
    body = {"mac": "52-54-00-77-00-01", "address": "192.168.1.20", "hostname": "web-1"}
    async with http.post(path, json=body) as response:
        assert response.status == 201
    async with http.get("/api/v1/subnets/racks") as response:
        subnet = await response.json()
    assert subnet["use"] is None
    assert subnet["ranges"] == [{"first": "192.168.1.100", "last": "192.168.1.180"}]
    (kept,) = subnet["reservations"]
    assert kept.items() >= {"mac": "52:54:00:77:00:01", "address": "192.168.1.20", "hostname": "web-1"}.items()
    async with http.get("/api/v1/subnets") as response:
        assert (await response.json())["items"] == [subnet]
    async with http.delete(f"{path}/52:54:00:77:00:01") as response:
        assert response.status == 204
    async with http.delete(f"{path}/52:54:00:77:00:01") as response:
        assert response.status == 404
    async with http.get("/api/v1/subnets/other") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"mac": "x", "address": "192.168.1.20"}, "/mac"),
        ({"mac": "525400770001", "address": "192.168.1.256"}, "/address"),
        ({"mac": "525400770001", "address": "10.0.0.1"}, "/address"),
    ],
)
async def test_a_reservation_that_cannot_be_is_refused(
    http: aiohttp.ClientSession, body: dict[str, str], pointer: str
) -> None:
    async with http.post("/api/v1/subnets/racks/reservations", json=body) as response:
        assert response.status == 422
        assert (await response.json(content_type=None))["pointer"] == pointer
