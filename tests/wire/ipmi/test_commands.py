import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import app, chassis
from fibrix.wire.ipmi.app import AuthCapabilities, DeviceId
from fibrix.wire.ipmi.chassis import BootSelector, ChassisStatus, Control
from fibrix.wire.ipmi.message import Privilege
from fibrix.wire.ipmi.session15 import AuthType


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        ("000000", ChassisStatus(on=False)),
        ("210040", ChassisStatus(on=True)),
        ("0b0000", ChassisStatus(on=True, faults=("power overload", "power fault"))),
        ("1400000000", ChassisStatus(on=False, faults=("power interlock", "control fault"))),
    ],
)
def test_a_chassis_tells_its_power_and_its_faults(octets: str, status: ChassisStatus) -> None:
    assert ChassisStatus.decode(bytes.fromhex(octets)) == status


def test_power_commands_are_the_octets_of_the_specification() -> None:
    assert {control.name: chassis.control(control).data.hex() for control in Control} == {
        "OFF": "00",
        "ON": "01",
        "CYCLE": "02",
        "RESET": "03",
        "SOFT_OFF": "05",
    }
    assert chassis.control(Control.ON).privilege is Privilege.OPERATOR


@pytest.mark.parametrize(
    ("device", "uefi", "octets"),
    [
        (BootSelector.PXE, False, "058004000000"),
        (BootSelector.PXE, True, "05a004000000"),
        (BootSelector.DISK, False, "058008000000"),
    ],
)
def test_boot_flags_are_valid_once_and_for_the_firmware(device: BootSelector, octets: str, *, uefi: bool) -> None:
    assert chassis.boot_flags(device, uefi=uefi).data == bytes.fromhex(octets)


def test_boot_flags_are_kept_and_announced() -> None:
    assert chassis.keep_boot_flags().data == bytes.fromhex("0308")
    assert chassis.announce_boot_flags().data == bytes.fromhex("040101")


@pytest.mark.parametrize(
    ("octets", "types", "v20"),
    [
        ("0015060000000000", {AuthType.NONE, AuthType.MD5, AuthType.PASSWORD}, False),
        ("0095060300000000", {AuthType.NONE, AuthType.MD5, AuthType.PASSWORD}, True),
        ("01840401", {AuthType.MD5}, False),  # bit 7 says only that more follows: the BMC does 1.5
        ("01220400", {AuthType.MD2, AuthType.OEM}, False),
    ],
)
def test_capabilities_tell_the_ways_in(octets: str, types: set[AuthType], *, v20: bool) -> None:
    expected = AuthCapabilities(frozenset(types), v20=v20)
    assert AuthCapabilities.decode(bytes.fromhex(octets)) == expected


def test_the_question_for_20_sets_one_bit_more() -> None:
    assert AuthCapabilities.request(ask_v20=True).data == bytes((0x8E, 3))
    assert AuthCapabilities.request(ask_v20=False).data == bytes((0x0E, 3))


def test_a_bmc_tells_what_it_is() -> None:
    device = DeviceId.decode(bytes.fromhex("0003090851 9fa20200 0001 0000".replace(" ", "")))
    assert device == DeviceId(device=0, firmware="9.08", ipmi_version="1.5", manufacturer=674, product=256)


@pytest.mark.parametrize("decode", [ChassisStatus.decode, AuthCapabilities.decode, DeviceId.decode])
def test_answers_cut_short_are_refused(decode: object) -> None:
    assert callable(decode)
    with pytest.raises(MalformedPacketError, match="2 octets are too few"):
        decode(b"\0\0")


def test_sessions_are_raised_and_ended_by_id() -> None:
    assert app.set_privilege(Privilege.OPERATOR).data == b"\3"
    assert app.close_session(0x01020304).data == bytes((4, 3, 2, 1))
