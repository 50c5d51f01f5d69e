"""The scripts, line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.boot_menu import BootPlan
from fibrix.domain.rack import BootAction
from fibrix.errors import InvalidError
from fibrix.services.httpboot.engine import Asker, machine_script, start_script
from fibrix.types import MacAddress

URL = "http://192.168.1.1:5248/boot/"
EPHEMERAL = BootPlan(
    action=BootAction.EPHEMERAL,
    known=True,
    reason="calm-otter boots the ephemeral OS",
    ephemeral="abc",
    console="console=tty0 console=ttyS0,115200",
    agent_url="http://192.168.1.1:5249/agent/v1/",
    token="tok",
)
DISK = BootPlan(action=BootAction.DISK, known=True, reason="calm-otter boots from its disk")
WAIT = BootPlan(action=BootAction.WAIT, known=False, reason="52:54:00:77:00:01 is not known here")


def lines(plan: BootPlan, *, uefi: bool = False) -> list[str]:
    return machine_script(plan, URL, uefi=uefi).splitlines()


def test_the_kernel_gets_consoles_url_token_and_boot_interface() -> None:
    assert lines(EPHEMERAL)[3] == (
        f"kernel --name vmlinuz {URL}files/ephemeral/abc/vmlinuz initrd=initrd console=tty0 console=ttyS0,115200 "
        "fibrix.url=http://192.168.1.1:5249/agent/v1/ fibrix.token=tok BOOTIF=01-${netX/mac:hexhyp} || goto failed"
    )
    assert lines(EPHEMERAL)[4] == f"initrd --name initrd {URL}files/ephemeral/abc/initrd || goto failed"


@pytest.mark.parametrize("plan", [EPHEMERAL, WAIT])
def test_whatever_fails_the_machine_asks_again(plan: BootPlan) -> None:
    assert lines(plan)[-3:] == [
        ":again",
        "sleep 5",
        f"chain --replace --autofree {URL}start.ipxe || goto again",
    ]


def test_the_first_script_asks_until_there_is_an_answer() -> None:
    text = start_script(URL).splitlines()
    assert text[1] == ":ask"
    assert text[2].startswith(f"chain --replace --autofree {URL}script?mac=${{netX/mac}}&platform=${{platform}}&")
    assert text[2].endswith("||")
    assert text[-2:] == ["sleep 5", "goto ask"]


def test_bios_boots_its_first_disk_or_leaves_ipxe() -> None:
    assert lines(DISK)[-2:] == ["sanboot --no-describe --drive 0x80 ||", "exit"]


def test_uefi_is_told_to_try_its_next_boot_option() -> None:
    assert lines(DISK, uefi=True)[-1] == "exit 1"


@pytest.mark.parametrize("token", ["a b", "a\nshell", "${mac}"])
def test_a_value_that_would_break_out_of_its_line_makes_no_script(token: str) -> None:
    with pytest.raises(InvalidError):
        machine_script(
            BootPlan(
                action=BootAction.EPHEMERAL,
                known=True,
                reason="",
                ephemeral="abc",
                agent_url="http://192.168.1.1:5249/",
                token=token,
            ),
            URL,
            uefi=False,
        )


def test_a_reason_from_outside_cannot_become_a_command() -> None:
    plan = BootPlan(action=BootAction.WAIT, known=True, reason="evil\nshell || reboot")
    assert lines(plan)[1] == "echo Fibrix: evil?shell ?? reboot"


def test_what_ipxe_tells_of_the_machine_is_read() -> None:
    query = {
        "mac": "52-54-00-77-00-01",
        "platform": "efi",
        "uuid": "00112233-4455-6677-8899-aabbccddeeff",
        "manufacturer": "Dell Inc. & Söhne".encode().hex(),
        "product": b"PowerEdge 860  ".hex(),
        "serial": "nothex",
        "asset": "",
    }
    assert Asker.read(query) == Asker(
        mac=MacAddress("52:54:00:77:00:01"),
        uefi=True,
        uuid="00112233-4455-6677-8899-aabbccddeeff",
        manufacturer="Dell Inc. & Söhne",
        product="PowerEdge 860",
        serial="",
    )


@pytest.mark.parametrize("query", [{}, {"mac": ""}, {"mac": "52:54"}])
def test_who_has_no_mac_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidError):
        Asker.read(query)


@given(st.dictionaries(st.sampled_from(["platform", "uuid", "manufacturer", "product", "serial"]), st.text("0aZ\n\0é")))
def test_any_query_is_read_to_something_printable_and_short(query: dict[str, str]) -> None:
    asker = Asker.read({"mac": "525400770001", **query})
    for text in (asker.uuid, asker.manufacturer, asker.product, asker.serial):
        assert text.isprintable()
        assert len(text) <= 128
