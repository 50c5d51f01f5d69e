"""The configuration: the example is true, overrides work, and every fault is told at once."""

import re
import tomllib
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fibrix.config import Config, SubnetConfig, load, subnets
from fibrix.domain.network import SubnetMode, UnknownPolicy
from fibrix.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "config" / "fibrix.toml"

RACK = """
[[interfaces]]
name = "eth1"
role = "rack"
[[subnets]]
name = "racks"
interface = "eth1"
address = "192.168.1.1/24"
"""


def read(tmp_path: Path, text: str, **environ: str) -> Config:
    path = tmp_path / "fibrix.toml"
    path.write_text(text)
    return load(path, environ)


def faults(tmp_path: Path, text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environ)
    return caught.value.faults


def keys(kind: type[msgspec.Struct]) -> set[str]:
    """All keys of a struct and of the structs in it."""
    found: set[str] = set()
    for field in msgspec.structs.fields(kind):
        found.add(field.name)
        for inner in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                found |= keys(inner)
    return found


def test_the_example_names_every_key() -> None:
    text = EXAMPLE.read_text()
    named = set(re.findall(r"^\[\[?(\w+)", text, re.MULTILINE)) | set(re.findall(r"(\w+) = ", text))
    assert keys(Config) - named - {"scripts"} == set()
    assert "# [scripts." in text


def test_the_example_holds_the_defaults() -> None:
    config = load(EXAMPLE, {})
    plain = Config(interfaces=config.interfaces, subnets=config.subnets)
    assert config == plain
    optional = {f.name for f in msgspec.structs.fields(SubnetConfig)} - {
        "name",
        "interface",
        "address",
        "network",
        "ranges",
        "reserved",
        "routers",
        "dns_servers",
    }
    defaults = {f.name: f.default for f in msgspec.structs.fields(SubnetConfig) if f.name in optional}
    assert {name: getattr(config.subnets[0], name) for name in optional} == defaults


def test_every_key_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    shared = {"client_port", "commissioning_s", "deploying_s", "releasing_s", "dns_servers", "vlan", "search_domains"}
    for before, line in pairwise(lines):
        key = line.partition(" = ")[0]
        if " = " in line and line[0].islower() and key not in shared | {"name", "role"}:
            assert before.startswith("#"), f"{key} has no comment above it"


def test_the_example_is_the_isp_with_its_uplink_hidden() -> None:
    (rack,) = subnets(load(EXAMPLE, {}))
    assert (rack.interface, str(rack.network), str(rack.address)) == ("eth1", "192.168.1.0/24", "192.168.1.1")
    assert (rack.mode, rack.unknown) == (SubnetMode.SERVE, UnknownPolicy.ENLIST)
    assert [(str(r.first), str(r.last)) for r in rack.ranges] == [("192.168.1.100", "192.168.1.199")]


def test_an_empty_file_is_a_configuration(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Config()


def test_variables_override_the_file(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "[api]\nport = 1\n",
        FIBRIX_STATE_DIR="/srv/fibrix",
        FIBRIX_API_PORT="5241",
        FIBRIX_API_LISTEN="10.0.0.1",
        FIBRIX_POWER_TIMEOUT_S="0.25",
        FIBRIX_EPHEMERAL_FIRMWARE="firmware-bnx2, firmware-qlogic",
        FIBRIX_URL="http://elsewhere",
        FIBRIX_KEY="k",
        FIBRIX_DISK="sda",
        HOME="/root",
    )
    assert config.state_dir == Path("/srv/fibrix")
    assert (config.api.port, config.api.listen) == (5241, IPv4Address("10.0.0.1"))
    assert config.power.timeout_s == 0.25
    assert config.ephemeral.firmware == ("firmware-bnx2", "firmware-qlogic")


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("FIBRIX_API_PROT", "1", "FIBRIX_API_PROT: there is no such setting; did you mean FIBRIX_API_PORT?"),
        ("FIBRIX_STATEDIR", "/x", "FIBRIX_STATEDIR: there is no such setting; did you mean FIBRIX_STATE_DIR?"),
        ("FIBRIX_SUBNETS_0_NAME", "x", "FIBRIX_SUBNETS_0_NAME: there is no such setting"),
        ("FIBRIX_API_PORT", "http", "FIBRIX_API_PORT: expected a whole number from 0 to 65535, not 'http'"),
        ("FIBRIX_LOG_LEVEL", "loud", 'FIBRIX_LOG_LEVEL: expected "debug" or "error" or "info" or "warning", not'),
    ],
)
def test_a_variable_that_means_nothing_is_a_fault(tmp_path: Path, variable: str, value: str, fault: str) -> None:
    (found,) = faults(tmp_path, "", **{variable: value})
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("colour = 1", "colour: there is no such key (there are: state_dir, log, "),
        ("state_dri = '/x'", "state_dri: there is no such key; did you mean state_dir?"),
        ("[api]\nprot = 1", "api.prot: there is no such key; did you mean port?"),
        ("state_dir = 7", "state_dir: expected a path, not 7"),
        ("api = 5", "api: expected a table, not 5"),
        ("subnets = 5", "subnets: expected a list, not 5"),
        ("subnets = [5]", "subnets[0]: expected a table, not 5"),
        ("scripts = 5", "scripts: expected a table, not 5"),
        ("[scripts.x]\npasses = 2", "scripts.x.passes: expected text, not 2"),
        ("[api]\nport = true", "api.port: expected a whole number from 0 to 65535, not True"),
        ("[api]\nport = 65536", "api.port: expected a whole number from 0 to 65535, not 65536"),
        ("[api]\nplain_http = 1", "api.plain_http: expected true or false, not 1"),
        ("[api]\ntls_cert = 'c.pem'", "api.tls_cert: a certificate and its key go together: set api.tls_key too"),
        ("[api]\ntls_key = 'k.pem'", "api.tls_key: a certificate and its key go together: set api.tls_cert too"),
        ("[api]\ntls_cert = 'c'\ntls_key = 'k'\nplain_http = true", "api.plain_http: there is a certificate too"),
        ("[api]\ntls_names = ['ok', 'not ok']", "api.tls_names[1]: 'not ok' is neither a host name nor an address"),
        ("[login]\nidle_s = 10", "login.idle_s: expected a whole number of at least 300, not 10"),
        ("[api]\nlisten = '10.0.0'", "api.listen: expected an IPv4 address, as 192.168.1.1, not '10.0.0'"),
        ("[power]\ntimeout_s = 0", "power.timeout_s: expected a number above 0, not 0"),
        ("[power]\nretries = -1", "power.retries: expected a whole number of at least 0, not -1"),
        ("[dns]\nport = 0", "dns.port: expected a whole number from 1 to 65535, not 0"),
        ("[dns]\nport = 5240", "api.port and dns.port: both are TCP port 5240"),
        ("[dns]\nport = 69", "boot.tftp_port and dns.port: both are UDP port 69"),
        ("[dns]\nlisten = ['0.0.0.0']", "dns.listen[0]: 0.0.0.0 is no address of this machine"),
        ("[dns]\nlisten = ['10.0.0.1']\nforwarders = ['10.0.0.1']", "dns.forwarders[0]: 10.0.0.1 is where Fibrix"),
        ("[discovery]\npromiscuous = ['eth9']", "discovery.promiscuous[0]: the interface 'eth9' is not among"),
        (
            "[discovery]\npromiscuous = ['eth0']\n[[interfaces]]\nname = 'eth0'\nrole = 'wan'",
            "discovery.promiscuous[0]: the interface 'eth0' has the role wan",
        ),
        ("[dns]\nforwarders = ['224.0.0.1']", "dns.forwarders[0]: 224.0.0.1 is no resolver's address"),
        ("[dns]\nrecursion = ['10.0.0.1/8']", "dns.recursion[0]: expected a network"),
        ("[dhcp]\noffer_s = 0", "dhcp.offer_s: expected a whole number of at least 1, not 0"),
        ("[[interfaces]]\nrole = 'rack'", "interfaces[0].name: it is missing"),
        ("[[interfaces]]\nname = ''\nrole = 'wan'", "interfaces[0].name: expected text that is not empty"),
        ("[[interfaces]]\nname = 'a'\nrole = 'lan'", 'interfaces[0].role: expected "rack" or "wan", not \'lan\''),
        (RACK.replace("/24", ""), "subnets[0].address: expected an IPv4 address with its prefix length, as"),
        (RACK + "ranges = [{first = '192.168.1.9'}]", "subnets[0].ranges[0].last: it is missing"),
        ("[api]\nport = 5249", "api.port and machines.port: both are TCP port 5249"),
        ("[boot]\ntftp_port = 67", "boot.tftp_port and dhcp.server_port: both are UDP port 67"),
        (RACK.replace('"eth1"\na', '"eth9"\na'), "subnet 'racks': the interface 'eth9' is not among [["),
        (RACK.replace('"rack"', '"wan"'), "subnet 'racks': the interface 'eth1' has the role wan"),
        (RACK.replace("192.168.1.1/24", "192.168.1.1/32"), "subnet 'racks': 192.168.1.1/32 has no room for clients"),
        (RACK.replace("192.168.1.1/24", "192.168.1.0/24"), "subnet 'racks': 192.168.1.0/24 is the subnet itself"),
        (RACK + "routers = ['10.0.0.1']", "subnet 'racks': the router 10.0.0.1 is not in 192.168.1.0/24"),
        (
            RACK + "ranges = [{first = '192.168.1.9', last = '192.168.2.9'}]",
            "subnet 'racks': the range 192.168.1.9-192.168.2.9 is not within 192.168.1.0/24",
        ),
        (
            RACK + "ranges = [{first = '192.168.1.9', last = '192.168.1.8'}]",
            "subnet 'racks': the range 192.168.1.9-192.168.1.8 ends before it begins",
        ),
        (
            RACK + "ranges = [{first = '192.168.1.1', last = '192.168.1.8'}]",
            "subnet 'racks': the range 192.168.1.1-192.168.1.8 has 192.168.1.1 in it, the controller's own address",
        ),
        (
            RACK + "routers = ['192.168.1.2']\nranges = [{first = '192.168.1.2', last = '192.168.1.8'}]",
            "subnet 'racks': the range 192.168.1.2-192.168.1.8 has 192.168.1.2 in it, a router's address",
        ),
        (
            RACK + "ranges = [{first = '192.168.1.9', last = '192.168.1.255'}]",
            "subnet 'racks': the range 192.168.1.9-192.168.1.255 has 192.168.1.255 in it, the broadcast address",
        ),
        (
            RACK + "ranges = [{first='192.168.1.9', last='192.168.1.20'}, {first='192.168.1.20', last='192.168.1.21'}]",
            "subnet 'racks': the ranges 192.168.1.9-192.168.1.20 and 192.168.1.20-192.168.1.21 overlap",
        ),
        (
            RACK + "[[subnets]]\nname = 'more'\ninterface = 'eth1'\naddress = '192.168.0.1/16'",
            "subnet 'racks': 192.168.1.0/24 overlaps 192.168.0.0/16 of subnet 'more'",
        ),
        (
            RACK + "[[subnets]]\nname = 'racks'\ninterface = 'eth1'\naddress = '10.0.0.1/16'",
            "subnets: the name 'racks' is used 2 times",
        ),
        (RACK + "[[interfaces]]\nname = 'eth1'\nrole = 'rack'", "interfaces: the name 'eth1' is used 2 times"),
        (RACK + "network = '10.2.0.0/33'", "subnets[0].network: expected a network, as 192.168.1.0/24"),
        (RACK + "network = '10.2.0.0/24'", "subnet 'racks': 192.168.1.1 is not in 10.2.0.0/24: give the rack's own"),
        (RACK + "relayed = true", "subnet 'racks': 192.168.1.1 is in 192.168.1.0/24: where the rack has an address"),
        (
            RACK + "[[subnets]]\nname='far'\ninterface='eth1'\n"
            "address='192.168.1.2/24'\nnetwork='10.2.0.0/24'\nrelayed=true",
            "subnet 'far': 192.168.1.2 is not the rack's address in any subnet that is not relayed (there are: 192.16",
        ),
        (RACK + "options = [{code = 3, value = '00'}]", "subnet 'racks': option 3 cannot be given as octets: give"),
        (RACK + "options = [{code = 4, value = 'x'}]", "subnet 'racks': 'x' is not octets: write two hex digits"),
        (RACK + "routes = [{destination = '10.9.0.0/16', router = '10.0.0.1'}]", "subnet 'racks': the router 10.0.0.1"),
        (RACK + "reserved = [{first = '10.0.0.1', last = '10.0.0.2'}]", "subnet 'racks': the range 10.0.0.1-10.0.0.2"),
        (RACK + "fabric = 'Core 1'", "subnet 'racks': 'Core 1' cannot be a name here"),
        (RACK + "search_domains = ['a b']", "subnet 'racks': 'a b' is no domain name"),
    ],
)  # fmt: skip
def test_a_fault_is_told_by_its_path(tmp_path: Path, text: str, fault: str) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith(fault)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = """
    colour = 1
    [api]
    port = "x"
    listen = 5
    [power]
    retries = -1
    [[interfaces]]
    name = "eth0"
    role = "wan"
    [[subnets]]
    name = "a"
    interface = "eth0"
    address = "10.0.0.1/24"
    ranges = [{ first = "x", last = "y" }, { first = "10.0.0.0", last = "10.0.0.9" }]
    [[subnets]]
    name = "b"
    interface = "eth0"
    address = "10.0.0.2/24"
    """
    found = faults(tmp_path, text, FIBRIX_BOOT_TFTP_PORT="-")
    assert [fault.partition(":")[0] for fault in found] == [
        "colour",
        "api.listen",
        "api.port",
        "FIBRIX_BOOT_TFTP_PORT",
        "power.retries",
        "subnets[0].ranges[0].first",
        "subnets[0].ranges[0].last",
        "subnet 'b'",
    ]


def test_two_sound_subnets_are_compared_though_a_third_is_not_sound(tmp_path: Path) -> None:
    more = "".join(
        f"[[subnets]]\nname = 's{n}'\ninterface = 'eth1'\naddress = '{address}'\n"
        for n, address in enumerate(["10.0.0.1/24", "ten", "10.0.0.2/25"])
    )
    found = faults(tmp_path, RACK + more)
    assert found[0].startswith("subnets[2].address")
    assert found[1:] == ("subnet 's0': 10.0.0.0/24 overlaps 10.0.0.0/25 of subnet 's2'",)


@pytest.mark.parametrize("text", ["a = ", "a = 1\na = 2", "\x00"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    (found,) = faults(tmp_path, text)
    assert "is not TOML" in found


def test_a_file_of_other_bytes_or_none_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fibrix.toml"
    with pytest.raises(ConfigError, match="No such file"):
        load(path, {})
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(path, {})


def test_site_defaults_of_scripts_are_free_tables(tmp_path: Path) -> None:
    assert read(tmp_path, "[scripts.memory-test]\npasses = '2'").scripts == {"memory-test": {"passes": "2"}}


def test_a_section_set_to_nonsense_and_overridden_is_still_one_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, "api = 5", FIBRIX_API_PORT="1") == ("api: expected a table, not 5",)


def test_the_example_is_the_toml_that_others_read_too() -> None:
    table: dict[str, Any] = tomllib.loads(EXAMPLE.read_text())
    assert list(table) == [name for name in Config.__struct_fields__ if name != "scripts"]
