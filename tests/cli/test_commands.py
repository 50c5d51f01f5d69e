"""Commands as operators type them."""

import json
from pathlib import Path
from shutil import rmtree

import pytest

from fibrix.domain.machine import Disk, Hardware
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.power import PowerKind, PowerSettings, PowerState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from tests.cli.conftest import Command, run_command
from tests.fakes.health import FakeService
from tests.support.api import free_port
from tests.support.site import Site, key_of

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3WivSGCR8s7oMfjCuJ4KmnvG85FUV77EvQSPHfE3Sp ann@laptop"


async def test_machines_are_a_table_for_people_and_json_for_programs(site: Site, fibrix: Command) -> None:
    disk = Disk(name="sda", size_bytes=500 << 30, model="[bold]evil[/]\x1b[2J")
    hardware = Hardware(cpu_count=2, memory_bytes=8 << 30, disks=(disk,))
    await site.put("web-1", State.FAILED_TESTING, hardware=hardware)
    await site.put("web-2", State.NEW, accepted=False)
    told = await fibrix("machine", "list")
    assert told.status == 0
    assert "Failed testing" in told.out
    assert "2 CPU, 8 GiB, 500 GiB" in told.out
    assert "New (not accepted)" in told.out
    shown = await fibrix("machine", "show", "web-1")
    assert "[bold]evil[/]" in shown.out
    assert "\x1b" not in shown.out
    for words in (("--json", "machine", "list"), ("machine", "list", "--json")):
        assert [machine["name"] for machine in json.loads((await fibrix(*words)).out)] == ["web-1", "web-2"]


async def test_an_empty_list_says_what_to_do(site: Site, fibrix: Command) -> None:
    assert "power one on" in (await fibrix("machine", "list")).out
    rmtree(site.rig.config.images_dir / "debian-12")
    assert "fibrix image build" in (await fibrix("image", "list")).out
    assert "fibrix ssh-key add" in (await fibrix("ssh-key", "list")).out


async def test_a_machine_is_added_accepted_edited_and_deleted(site: Site, fibrix: Command) -> None:
    added = await fibrix("machine", "add", "--mac", "52-54-00-77-00-01", "--name", "web-1")
    assert (added.status, added.err) == (0, "")
    await site.change(site.rig.region.find("web-1").id, accepted=False)
    words = ("--bmc-address", "192.168.1.201", "--bmc-user", "admin", "--bmc-protocol", "1.5")
    accepted = await fibrix("machine", "accept", "web-1", *words, FIBRIX_BMC_PASSWORD="s3cret")
    assert accepted.status == 0
    machine = site.rig.region.find("web-1")
    assert (machine.power.kind.value, machine.power.address) == ("ipmi", "192.168.1.201")
    assert site.rig.region.password(machine.id) == "s3cret"
    assert (await fibrix("machine", "edit", "web-1", "--bmc-port", "6230")).status == 0
    power = site.rig.region.find("web-1").power
    assert (power.port, power.address, power.username) == (6230, "192.168.1.201", "admin")
    assert (await fibrix("machine", "edit", "web-1")).status == 2
    assert (await fibrix("machine", "delete", "web-1")).status == 0
    assert not site.rig.region.machines()


async def test_a_bmc_password_is_read_from_stdin(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1", State.NEW, accepted=False)
    done = await fibrix("machine", "accept", "web-1", "--bmc-password-file", "-", stdin=b"s3cret\n")
    assert done.status == 0
    assert site.rig.region.password(machine.id) == "s3cret"


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        (("commission",), State.NEW, State.COMMISSIONING),
        (("test", "--script", "memory-test", "--parameter", "memory-test.passes=2"), State.READY, State.TESTING),
        (("allocate",), State.READY, State.ALLOCATED),
        (("deploy", "--image", "debian-12", "--ssh-key", "ann"), State.READY, State.DEPLOYING),
        (("release",), State.DEPLOYED, State.RELEASING),
        (("abort",), State.COMMISSIONING, State.NEW),
        (("broken", "--reason", "fan"), State.READY, State.BROKEN),
        (("fixed",), State.BROKEN, State.NEW),
        (("override",), State.FAILED_TESTING, State.READY),
        (("retire",), State.READY, State.RETIRED),
    ],
)
async def test_actions_are_asked_for(
    site: Site, fibrix: Command, words: tuple[str, ...], before: State, after: State
) -> None:
    machine = await site.put("web-1", before)
    await site.rig.ssh_keys.add(SshKey(name="ann", key=ED25519, fingerprint="SHA256:x"))
    done = await fibrix("machine", words[0], "web-1", *words[1:])
    assert (done.status, done.err) == (0, "")
    assert after.value in done.out
    assert site.rig.region.machine(machine.id).state is after


async def test_power_is_worked_and_what_was_not_needed_is_said(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1", power=PowerSettings(kind=PowerKind.MANUAL))
    site.rig.power.states[machine.id] = PowerState.ON
    assert "nothing was done" in (await fibrix("machine", "power", "on", "web-1")).out
    assert (await fibrix("machine", "power", "soft-off", "web-1")).status == 0
    assert "off" in (await fibrix("machine", "power", "status", "web-1")).out
    assert (await fibrix("machine", "power", "confirm", "web-1", "on")).status == 0
    assert site.rig.region.find("web-1").power_state is PowerState.ON
    assert (await fibrix("machine", "power", "boot-device", "web-1", "pxe")).status == 0


async def test_why_tells_what_was_seen_what_is_awaited_and_until_when(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1", State.NEW)
    await site.rig.machines.request(machine.id, Trigger.COMMISSION)
    told = (await fibrix("machine", "why", "web-1")).out
    assert "asked" in told
    assert "given up 2026-03-01 12:" in told
    assert "abort" in told


async def test_the_output_of_a_script_is_printed_byte_for_byte(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1")
    older = await site.put_run(machine.id, b"older\n")
    newest = await site.put_run(machine.id, b"newer, no line end")
    assert newest.id in (await fibrix("machine", "runs", "web-1")).out
    assert (await fibrix("machine", "output", "web-1", "inventory")).out == "newer, no line end"
    assert (await fibrix("machine", "output", "web-1", older.id)).out == "older\n"
    assert (await fibrix("machine", "output", "web-1", "r9")).status == 6


async def test_images_are_listed_with_what_is_wrong_with_them_and_deleted(site: Site, fibrix: Command) -> None:
    (site.rig.config.images_dir / "odd").mkdir()
    listed = (await fibrix("image", "list")).out
    assert "Debian 12" in listed
    assert "cannot be used" in listed
    assert (await fibrix("image", "delete", "odd")).status == 0
    assert [folder.name for folder in site.rig.config.images_dir.iterdir()] == ["debian-12"]


async def test_ssh_keys_are_stored_from_a_file_listed_and_deleted(fibrix: Command, tmp_path: Path) -> None:
    (tmp_path / "ann.pub").write_text(ED25519)
    assert "SHA256:" in (await fibrix("ssh-key", "add", "ann", str(tmp_path / "ann.pub"))).out
    assert "ssh-ed25519" in (await fibrix("ssh-key", "list")).out
    assert (await fibrix("ssh-key", "delete", "ann")).status == 0


async def test_addresses_are_reserved_shown_and_given_back(fibrix: Command) -> None:
    assert (await fibrix("subnet", "reserve", "racks", "525400770001", "192.168.1.20")).status == 0
    assert "racks" in (await fibrix("subnet", "list")).out
    assert "192.168.1.20" in (await fibrix("subnet", "show", "racks")).out
    assert (await fibrix("subnet", "unreserve", "racks", "525400770001")).status == 0


async def test_health_fails_when_a_service_is_down(site: Site, fibrix: Command) -> None:
    assert (await fibrix("health")).status == 0
    site.health.services.append(FakeService("tftp", "failed", 2, "address in use"))
    told = await fibrix("health")
    assert told.status == 1
    assert "address in use" in told.out


async def test_the_refusals_of_the_api_are_told_in_its_words(site: Site, fibrix: Command) -> None:
    await site.put("web-1", State.DEPLOYED)
    told = await fibrix("machine", "commission", "web-1")
    assert told.status == 7
    assert "cannot commission" in told.err
    assert (await fibrix("machine", "show", "nobody")).status == 6


async def test_exit_statuses_tell_usage_reach_and_key_apart(site: Site, fibrix: Command) -> None:
    assert (await fibrix("machine", "explode")).status == 2
    assert (await fibrix("machine", "list", FIBRIX_KEY="wrong")).status == 4
    nowhere = f"http://127.0.0.1:{free_port()}"
    told = await run_command("--url", nowhere, "machine", "list")
    assert told.status == 3
    assert "fibrix serve" in told.err


async def test_a_controller_is_found_by_url_and_key_from_the_environment(site: Site) -> None:
    await site.put("web-1")
    told = await run_command("machine", "list", FIBRIX_URL=site.url, FIBRIX_KEY=key_of("admin"))
    assert "web-1" in told.out


async def test_serving_with_a_bad_configuration_tells_every_fault(tmp_path: Path) -> None:
    config = tmp_path / "fibrix.toml"
    config.write_text('[api]\nport = "x"\n[log]\nlevle = "info"\n')
    told = await run_command("serve", "--config", str(config))
    assert told.status == 1
    assert "api.port" in told.err
    assert "levle" in told.err


async def test_the_version_and_the_document_are_printed(fibrix: Command) -> None:
    assert json.loads((await fibrix("version", "--json")).out)["version"]
    assert json.loads((await fibrix("openapi")).out)["openapi"] == "3.1.0"
