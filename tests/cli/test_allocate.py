"""`fibrix machine allocate` and what belongs to it, as a tenant's user and as an operator start it."""

import json

import click
import pytest

from fibrix.cli.sizes import SIZE
from tests.cli.conftest import Command
from tests.support.site import ACME, Site, key_of


async def test_a_tenant_s_user_gets_the_smallest_that_fits_or_is_told_why_not(site: Site, fibrix: Command) -> None:
    await site.put("box", tags=("ssd",), zone="room-2")
    key = key_of("acme")
    words = ("--cores", "2", "--memory", "4G", "--disk", "80GB", "--disks", "1", "--tag", "ssd", "--zone", "room-2")
    done = await fibrix("machine", "allocate", *words, "--quiet", FIBRIX_KEY=key)
    assert (done.status, done.err) == (0, "")
    assert site.rig.region.machine(site.rig.region.find("box").id).tenant == ACME
    assert done.out.strip() == site.rig.region.find("box").id
    refused = await fibrix("machine", "allocate", "--memory", "1T", FIBRIX_KEY=key)
    assert (refused.status, refused.out) == (7, "")
    assert "no machine is Ready in the pool default" in refused.err
    shown = await fibrix("machine", "show", "box", FIBRIX_KEY=key)
    assert ACME in shown.out
    assert "powered by" not in shown.out


async def test_an_operator_allocates_one_machine_for_a_tenant(site: Site, fibrix: Command) -> None:
    await site.put("box")
    assert "TENANT" not in (await fibrix("machine", "list")).out
    done = await fibrix("machine", "allocate", "box", "--tenant", "acme", "--reason", "order 7")
    assert "Allocated: order 7" in done.out
    listed = (await fibrix("machine", "list")).out
    assert "TENANT" in listed
    assert ACME in listed
    both = await fibrix("machine", "allocate", "box", "--cores", "2")
    assert both.status == 2


async def test_zone_pool_and_tags_are_set_and_taken_away(site: Site, fibrix: Command) -> None:
    await site.put("box")
    words = ("--zone", "room-2", "--pool", "gold", "--tag", "ssd", "--tag", "10g", "--json")
    shown = json.loads((await fibrix("machine", "edit", "box", *words)).out)
    assert (shown["zone"], shown["pool"], shown["tags"]) == ("room-2", "gold", ["10g", "ssd"])
    assert json.loads((await fibrix("machine", "edit", "box", "--no-tags", "--json")).out)["tags"] == []


@pytest.mark.parametrize(
    ("text", "number"),
    [("512", 512), ("8G", 8 << 30), ("8gib", 8 << 30), ("80GB", 80 * 10**9), ("1.5T", 3 << 39), ("2 M", 2 << 20)],
)
def test_sizes_are_read_as_people_write_them(text: str, number: int) -> None:
    assert SIZE.convert(text, None, None) == number


@pytest.mark.parametrize("text", ["", "G", "8X", "-1", "8GG", "1e3"])
def test_what_is_no_size_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write it as 8G"):
        SIZE.convert(text, None, None)
