"""The lab's controller: its configuration, its end."""

from pathlib import Path

from fibrix.config import load, subnets
from fibrix.lab.controller import LabController, tail
from fibrix.lab.rack import Rack
from fibrix.lab.spec import LabSpec


def made(tmp_path: Path, name: str = "t-conf") -> Rack:
    rack = Rack(LabSpec(name=name), tmp_path)
    rack.paths.root.mkdir()
    LabController(rack).configure()
    return rack


def test_its_configuration_is_one_that_fibrix_accepts(tmp_path: Path) -> None:
    rack = made(tmp_path)
    config = load(rack.paths.config, {})
    assert config.state_dir == rack.paths.controller
    assert {interface.name: interface.role for interface in config.interfaces} == {"wan": "wan", "racks": "rack"}
    assert str(subnets(config)[0].network) == "192.168.1.0/24"


def test_bmcs_are_outside_of_the_pool(tmp_path: Path) -> None:
    rack = Rack(LabSpec(name="x", machines=50), tmp_path)
    pool = load(made(tmp_path).paths.config, {}).subnets[0].ranges[0]
    assert not any(pool.first <= plan.bmc_address <= pool.last for plan in rack.plans)


def test_what_was_built_is_shared_by_labs_and_their_stores_are_not(tmp_path: Path) -> None:
    one, two = load(made(tmp_path, "one").paths.config, {}), load(made(tmp_path, "two").paths.config, {})
    assert one.images_dir.resolve() == two.images_dir.resolve() == tmp_path / "images"
    assert one.boot_dir.resolve() == two.boot_dir.resolve()
    assert one.state_dir != two.state_dir


def test_the_end_of_a_log_is_short_and_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log, 3) == ""
    log.write_bytes(b"".join(b"line %d\r\n" % number for number in range(100)) + b"\xff\n")
    assert tail(log, 2) == f"\n--- end of {log}:\nline 99\n\ufffd"
