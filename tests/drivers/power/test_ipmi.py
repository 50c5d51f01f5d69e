import asyncio
import resource
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from msgspec import structs

from fibrix.config import PowerConfig
from fibrix.domain.power import BootDevice, IpmiProtocol, PowerAction, PowerState
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from fibrix.errors import PowerError
from fibrix.lab.bmc15 import OldBmc
from fibrix.wire.ipmi.suites import SUITE_3
from tests.drivers.power.conftest import running
from tests.support.bmc import LOOPBACK, SimulatedBmc, free_port, simulated_bmc
from tests.support.bmc20 import PythonBmc, python_bmc
from tests.support.relay import BadNetwork, relayed

PROTOCOLS = pytest.mark.parametrize("protocol", [IpmiProtocol.V15, IpmiProtocol.V20], ids=["1.5", "2.0"])


@PROTOCOLS
async def test_the_state_is_what_the_machine_is_in(
    driver: IpmiDriver, sim: SimulatedBmc, protocol: IpmiProtocol
) -> None:
    for on in (False, True, False):
        sim.power = on
        reading = await driver.status(sim.bmc(protocol=protocol))
        assert reading.state is (PowerState.ON if on else PowerState.OFF)


@pytest.mark.parametrize(
    ("auths", "protocol", "detail"),
    [
        (("md5", "straight", "none"), IpmiProtocol.V15, "off, by IPMI 1.5 MD5"),
        (("straight", "none"), IpmiProtocol.V15, "off, by IPMI 1.5 password in clear"),
        (("none",), IpmiProtocol.V15, "off, by IPMI 1.5 without authentication"),
        (("md5",), IpmiProtocol.AUTO, "off, by IPMI 2.0 suite 3"),
        (("md5",), IpmiProtocol.V20, "off, by IPMI 2.0 suite 3"),
    ],
    ids=["md5", "password", "none", "auto", "2.0"],
)
async def test_the_best_protection_that_is_allowed_and_offered_is_used_and_told(
    driver: IpmiDriver, tmp_path: Path, auths: Sequence[str], protocol: IpmiProtocol, detail: str
) -> None:
    async with simulated_bmc(tmp_path, auths=auths) as sim:
        assert (await driver.status(sim.bmc(protocol=protocol))).detail == detail


@pytest.mark.parametrize("refuses", [False, True], ids=["says 1.5", "refuses the question"])
async def test_an_old_bmc_is_asked_by_15_and_the_reason_is_told(
    driver: IpmiDriver, sim: SimulatedBmc, *, refuses: bool
) -> None:
    async with relayed(sim.port, OldBmc(refuses_question=refuses)) as port:
        reading = await driver.status(sim.bmc(port=port))
        assert reading.detail == "off, by IPMI 1.5 MD5 (no IPMI 2.0: the BMC speaks 1.5 only)"
        with pytest.raises(PowerError, match=r"no IPMI 2.0, and nothing else is allowed: the BMC speaks 1.5 only"):
            await driver.status(sim.bmc(port=port, protocol=IpmiProtocol.V20))


async def test_a_bmc_that_promises_20_and_keeps_silent_is_asked_by_15(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    class Liar(BadNetwork):
        """Loses RMCP+."""

        def asked(self, datagram: bytes, forward: object, answer: object) -> None:
            self.lose_questions = lambda _number: datagram[4] == 6
            super().asked(datagram, forward, answer)  # type: ignore[arg-type]

    async with relayed(sim.port, Liar()) as port:
        reading = await driver.status(sim.bmc(port=port))
    assert reading.detail == "off, by IPMI 1.5 MD5 (no IPMI 2.0: Open Session: no answer in 0.9 s)"


async def test_suite_17_is_preferred(driver: IpmiDriver) -> None:
    async with python_bmc(PythonBmc(on=True)) as bmc:
        reading = await driver.status(SimulatedBmc(Path(), bmc.port).bmc())
    assert reading.detail == "on, by IPMI 2.0 suite 17"


@PROTOCOLS
async def test_actions_reach_the_machine(patient: IpmiDriver, sim: SimulatedBmc, protocol: IpmiProtocol) -> None:
    for action in (PowerAction.ON, PowerAction.OFF, PowerAction.ON, PowerAction.SOFT_OFF):
        await patient.act(sim.bmc(protocol=protocol), action)
    assert sim.orders == ["power 1", "power 0", "power 1", "shutdown 1"]


async def test_a_boot_device_is_set_once_for_the_firmware(patient: IpmiDriver, sim: SimulatedBmc) -> None:
    await patient.set_boot_device(sim.bmc(), BootDevice.PXE)
    assert sim.orders == ["boot pxe"]
    async with python_bmc(PythonBmc(completions={0x08: [0x80, 0xC1]})) as bmc:  # optional parameters it has not
        await patient.set_boot_device(SimulatedBmc(Path(), bmc.port).bmc(uefi=True), BootDevice.DISK)
        assert bmc.requests[-1] == (0x08, bytes.fromhex("05a008000000"))


async def test_the_session_is_kept_so_that_a_reading_is_one_question(patient: IpmiDriver, sim: SimulatedBmc) -> None:
    network = BadNetwork()
    async with relayed(sim.port, network) as port:
        bmc = sim.bmc(port=port, protocol=IpmiProtocol.V15)
        await patient.status(bmc)
        assert network.questions == 4
        for _ in range(70):  # more than there are sequence numbers
            await patient.status(bmc)
        assert network.questions == 74


@PROTOCOLS
async def test_a_bmc_that_forgot_the_session_is_asked_in_a_new_one(
    driver: IpmiDriver, sim: SimulatedBmc, protocol: IpmiProtocol
) -> None:
    await driver.status(sim.bmc(protocol=protocol))
    await sim.stop()
    await sim.start()
    assert (await driver.status(sim.bmc(protocol=protocol))).state is PowerState.OFF


async def test_a_session_that_the_bmc_has_ended_for_idleness_is_not_waited_for(sim: SimulatedBmc) -> None:
    now = 0.0
    driver, ready = IpmiDriver(PowerConfig(timeout_s=30), now=lambda: now), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(driver.run(ready))
        await ready.wait()
        await driver.status(sim.bmc())
        await sim.stop()
        await sim.start()
        now = 51.0
        async with asyncio.timeout(8):  # the first try alone would take 30 s
            await driver.status(sim.bmc())
        task.cancel()


@PROTOCOLS
@pytest.mark.parametrize("number", range(6))
async def test_any_one_answer_may_be_lost(
    driver: IpmiDriver, sim: SimulatedBmc, protocol: IpmiProtocol, number: int
) -> None:
    async with relayed(sim.port, BadNetwork(lose_answers=lambda answer: answer == number)) as port:
        bmc = sim.bmc(port=port, protocol=protocol)
        assert (await driver.status(bmc)).state is PowerState.OFF
        assert (await driver.status(bmc)).state is PowerState.OFF


@PROTOCOLS
async def test_answers_that_come_twice_after_garbage_and_late_do_no_harm(
    driver: IpmiDriver, sim: SimulatedBmc, protocol: IpmiProtocol
) -> None:
    garbage = (b"", b"\x06\x00\xff\x07", b"\xff" * 40, b"\x06\x00\xff\x07\x00" + bytes(20))
    async with relayed(sim.port, BadNetwork(copies=2, delay_s=0.4, garbage=garbage)) as port:  # later than a try waits
        bmc = sim.bmc(port=port, protocol=protocol)
        for on in (False, True, False, True):
            sim.power = on
            assert (await driver.status(bmc)).state is (PowerState.ON if on else PowerState.OFF)
    assert driver.dropped["malformed"]
    assert driver.dropped["stray"] + driver.dropped["unawaited"] > 4


async def test_nothing_but_garbage_is_an_error_that_says_so(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    async with relayed(sim.port, BadNetwork(garble=lambda datagram: datagram[:-1] + b"?")) as port:
        with pytest.raises(PowerError, match=r"the last one was garbage: IPMI message: a checksum is wrong"):
            await driver.status(sim.bmc(port=port))


@pytest.mark.parametrize(
    ("protocol", "username", "password", "words"),
    [
        (IpmiProtocol.V15, "admin", "guess", "Activate Session: no answer in 2.1 s: the password is probably wrong"),
        (IpmiProtocol.V20, "admin", "guess", "RAKP 2: the password is wrong"),
        (IpmiProtocol.AUTO, "admin", "guess", "RAKP 2: the password is wrong"),
        (IpmiProtocol.V15, "nobody", "secret", "Get Session Challenge: the BMC does not know this user"),
        (IpmiProtocol.V20, "nobody", "secret", "RAKP 1: the BMC does not know this user"),
        (IpmiProtocol.V15, "weak", "secret", "Activate Session: the user's privilege is too low"),
        (IpmiProtocol.V15, "admin", "p" * 17, "the password is longer than the 16 octets"),
        (IpmiProtocol.V20, "u" * 17, "secret", "the user name is longer than the 16 octets"),
    ],
)
async def test_credentials_that_are_refused_are_told_in_words_without_the_password(
    driver: IpmiDriver, sim: SimulatedBmc, protocol: IpmiProtocol, username: str, password: str, words: str
) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(PowerError, match=words) as refused:
        await driver.status(sim.bmc(protocol=protocol, username=username, password=password))
    assert str(refused.value).startswith("BMC: ")
    assert "guess" not in str(refused.value) + str(logs)


async def test_an_operator_s_role_is_enough(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    for protocol in (IpmiProtocol.V15, IpmiProtocol.V20):
        bmc = sim.bmc(protocol=protocol, username="operator", password="0123456789abcdef")
        await driver.act(bmc, PowerAction.ON)
        await driver.set_boot_device(bmc, BootDevice.PXE)


async def test_a_corrected_password_is_used_at_once(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    with pytest.raises(PowerError):
        await driver.status(sim.bmc(password="guess"))
    await driver.status(sim.bmc())
    with pytest.raises(PowerError):
        await driver.status(sim.bmc(password="guess"))


async def test_a_bmc_with_a_key_of_its_own_is_told(driver: IpmiDriver) -> None:
    async with python_bmc(PythonBmc(suite=SUITE_3, kg=b"K")) as bmc:
        with pytest.raises(PowerError, match="K_G key"):
            await driver.status(SimulatedBmc(Path(), bmc.port).bmc())


async def test_a_bmc_without_a_suite_of_ours_is_told(driver: IpmiDriver) -> None:
    async with python_bmc(PythonBmc(completions={0x39: [0xC1]})) as bmc:
        bmc.suite = type(SUITE_3)(2, "sha1", 99, 1, 12)
        with pytest.raises(PowerError, match=r"nothing else is allowed: .*does not do this authentication algorithm"):
            await driver.status(SimulatedBmc(Path(), bmc.port).bmc(protocol=IpmiProtocol.V20))
        with pytest.raises(PowerError, match=r"no IPMI 1.5 authentication that Fibrix speaks"):
            await driver.status(SimulatedBmc(Path(), bmc.port).bmc())


async def test_a_port_where_nothing_listens_is_told_at_once(patient: IpmiDriver) -> None:
    async with asyncio.timeout(2):  # sooner than the first try ends
        with pytest.raises(PowerError, match="nothing listens on that UDP port"):
            await patient.status(SimulatedBmc(Path(), free_port()).bmc())


async def test_an_address_that_cannot_be_a_bmc_s_is_told(driver: IpmiDriver) -> None:
    bmc = SimulatedBmc(Path(), 623).bmc()
    broadcast = structs.replace(bmc, settings=structs.replace(bmc.settings, address="255.255.255.255"))
    with pytest.raises(PowerError, match="BMC: it is a broadcast address"):
        await driver.status(broadcast)


async def test_a_silent_bmc_is_given_up_in_the_stated_time(driver: IpmiDriver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        async with asyncio.timeout(10):
            with pytest.raises(PowerError, match=r"no answer in 2\.1 s$"):
                await driver.status(SimulatedBmc(Path(), silent.getsockname()[1]).bmc())


@pytest.mark.parametrize("address", ["", "bmc.example", "fe80::1"])
async def test_an_address_that_is_none_is_told(driver: IpmiDriver, sim: SimulatedBmc, address: str) -> None:
    bmc = sim.bmc()
    with pytest.raises(PowerError, match="not an IPv4 address"):
        await driver.status(structs.replace(bmc, settings=structs.replace(bmc.settings, address=address)))


async def test_a_driver_that_does_not_run_says_so(sim: SimulatedBmc) -> None:
    with pytest.raises(PowerError, match="not running"):
        await IpmiDriver(PowerConfig()).status(sim.bmc())


async def test_a_cycle_is_never_sent_twice(patient: IpmiDriver, sim: SimulatedBmc) -> None:
    sim.power = True
    lost: set[int] = set()
    async with relayed(sim.port, BadNetwork(lose_answers=lambda number: number in lost)) as port:
        bmc = sim.bmc(port=port, protocol=IpmiProtocol.V15)
        await patient.set_boot_device(bmc, BootDevice.PXE)  # the session is there, and has the privilege
        lost.update(range(8, 40))  # 7 answers so far, one more proves the session: the cycle's own is lost
        with pytest.raises(PowerError, match=r"Chassis Control: no answer in 4 s: maybe it was done"):
            await patient.act(bmc, PowerAction.CYCLE)
    await asyncio.sleep(0.1)
    assert sim.orders.count("power 0") == 1


async def test_a_busy_bmc_is_asked_again(driver: IpmiDriver) -> None:
    async with python_bmc(PythonBmc(completions={0x01: [0xC0, 0xC0]})) as bmc:
        assert (await driver.status(SimulatedBmc(Path(), bmc.port).bmc())).state is PowerState.OFF


async def test_a_bmc_that_stays_busy_is_told(driver: IpmiDriver) -> None:
    async with python_bmc(PythonBmc(completions={0x01: [0xC0] * 9})) as bmc:
        with pytest.raises(PowerError, match="Get Chassis Status: the BMC is busy"):
            await driver.status(SimulatedBmc(Path(), bmc.port).bmc())


async def test_a_refusal_that_is_final_is_told_and_not_repeated(driver: IpmiDriver) -> None:
    async with python_bmc(PythonBmc(completions={0x02: [0xD5]})) as bmc:
        with pytest.raises(PowerError, match="Chassis Control: the BMC cannot do it in the machine's present state"):
            await driver.act(SimulatedBmc(Path(), bmc.port).bmc(), PowerAction.CYCLE)
        assert [command for command, _data in bmc.requests].count(0x02) == 1


async def test_one_bmc_is_asked_one_thing_at_a_time(patient: IpmiDriver, sim: SimulatedBmc) -> None:
    outstanding, most = 0, 0

    class Counting(BadNetwork):
        """Counts questions that await their answer."""

        def asked(self, datagram: bytes, forward: object, answer: object) -> None:
            nonlocal outstanding, most
            outstanding += 1
            most = max(most, outstanding)
            super().asked(datagram, forward, answer)  # type: ignore[arg-type]

        def answered(self, datagram: bytes, answer: object) -> None:
            nonlocal outstanding
            outstanding -= 1
            super().answered(datagram, answer)  # type: ignore[arg-type]

    async with relayed(sim.port, Counting()) as port, asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(patient.status(sim.bmc(port=port)))
    assert most == 1


async def test_questions_keep_the_pace(sim: SimulatedBmc) -> None:
    loop = asyncio.get_running_loop()
    async with running(PowerConfig(pace_s=0.05)) as driver:
        started = loop.time()
        await driver.status(sim.bmc(protocol=IpmiProtocol.V15))
        assert loop.time() - started >= 4 * 0.05


async def test_a_caller_who_gives_up_leaves_the_link_in_order(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    async with relayed(sim.port, BadNetwork(delay_s=0.1)) as port:
        bmc = sim.bmc(port=port)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.25):
                    await driver.status(bmc)
        assert (await driver.status(bmc)).state is PowerState.OFF


async def test_sessions_are_ended_when_the_driver_ends(sim: SimulatedBmc, config: PowerConfig) -> None:
    network = BadNetwork()
    async with relayed(sim.port, network) as port:
        async with running(config) as driver:
            await driver.status(sim.bmc(port=port, protocol=IpmiProtocol.V15))
        await asyncio.sleep(0.05)
    assert network.heard[-1][-6] == 0x3C  # Close Session, 4 octets of session id, checksum


async def test_file_descriptors_above_1023_work(sim: SimulatedBmc, config: PowerConfig) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    try:
        with ExitStack() as stack:
            for _ in range(550):
                for end in socket.socketpair():
                    stack.enter_context(end)
            async with running(config) as driver:
                assert (await driver.status(sim.bmc())).state is PowerState.OFF
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_the_bmc_tells_what_it_is(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    device = await driver.identify(sim.bmc())
    assert (device.ipmi_version, device.firmware, device.manufacturer) == ("2.0", "9.08", 4753)
