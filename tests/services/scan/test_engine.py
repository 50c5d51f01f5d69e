"""A scan by a simulated clock: what is sent when, and what answers lead to."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.network import AddressRange
from fibrix.domain.scan import REDFISH_AT_ONCE, REDFISH_PACKETS, ScanKind, ScanOrder, ScanShare, sendings
from fibrix.domain.scan_report import RedfishRoot, ScanEnd
from fibrix.services.scan.engine import ALL_NODES, Engine, Heard, Probe
from fibrix.services.scan.hosts import MOST_NEIGHBOURS
from fibrix.types import MacAddress, OperationId

K = ScanKind
MAC = MacAddress("52:54:00:77:00:09")
FIRST = IPv4Address("10.1.0.10")


def share(count: int = 4, kinds: tuple[ScanKind, ...] = tuple(ScanKind), **more: object) -> ScanShare:
    fields = {
        "subnet": "racks",
        "interface": "eth1",
        "source": IPv4Address("10.1.0.1"),
        "kinds": kinds,
        "spans": (AddressRange(first=FIRST, last=FIRST + count - 1),) if count else (),
    }
    return ScanShare(**(fields | more))  # type: ignore[arg-type]


def order(*shares: ScanShare, rate: int = 10) -> ScanOrder:
    return ScanOrder(id=OperationId("o000000001"), shares=shares, rate=rate)


class Run:
    """Sends all that is due, at once, and answers as it is told to. Redfish takes its time."""

    def __init__(self, engine: Engine, up: set[IPv4Address], redfish_s: float = 0.5) -> None:
        self.engine = engine
        self.sent: list[tuple[float, Probe]] = []
        self.most_under_way = 0
        self.now = 100.0
        self._up = up
        self._redfish_s = redfish_s
        self._under_way: list[tuple[float, Probe]] = []

    def to_the_end(self, late: float = 0.0) -> None:
        for _ in range(100_000):
            for at, probe in list(self._under_way):
                if at <= self.now:
                    self._under_way.remove((at, probe))
                    self.engine.answered(probe, RedfishRoot(version="1.0"))
            due = self.engine.due(self.now)
            if due is not None:
                self._take(due)
                continue
            wait_s = self.engine.next_s(self.now)
            if wait_s is None:
                return
            ends = [at - self.now for at, _ in self._under_way]
            self.now += max(0.0, min([wait_s, *ends])) + late
        raise AssertionError("it does not end")

    def _take(self, probe: Probe) -> None:
        self.sent.append((self.now, probe))
        if probe.kind is K.REDFISH:
            self._under_way.append((self.now + self._redfish_s, probe))
            self.most_under_way = max(self.most_under_way, len(self._under_way))
        elif probe.address in self._up:
            mac = MAC if probe.kind is K.ARP else MacAddress("")
            self.engine.heard(probe.subnet, Heard(probe.kind, probe.address, mac))

    def kinds(self) -> list[tuple[ScanKind, str]]:
        return [(probe.kind, str(probe.address)) for _, probe in self.sent]


def run(scan: ScanOrder, *up: str, late: float = 0.0, redfish_s: float = 0.5) -> Run:
    made = Run(Engine(scan, 100.0), {IPv4Address(one) for one in up}, redfish_s)
    made.to_the_end(late)
    return made


def test_only_who_answers_arp_is_asked_more_and_at_its_mac() -> None:
    done = run(order(share()), "10.1.0.11")
    assert done.kinds() == [
        (K.ARP, "10.1.0.10"),
        (K.ARP, "10.1.0.11"),
        (K.PING, "10.1.0.11"),
        (K.RMCP, "10.1.0.11"),
        (K.REDFISH, "10.1.0.11"),
        (K.ARP, "10.1.0.10"),  # silent for a second
        (K.ARP, "10.1.0.12"),
        (K.ARP, "10.1.0.13"),
        (K.ARP, "10.1.0.12"),
        (K.ARP, "10.1.0.13"),
    ]
    assert all(probe.mac == MAC for _, probe in done.sent if probe.kind is not K.ARP)
    report = done.engine.report(ScanEnd.DONE)
    (host,) = report.hosts
    assert (host.address, host.mac) == ("10.1.0.11", MAC)
    assert host.kinds == (K.ARP, K.PING, K.RMCP, K.REDFISH)
    assert report.answered() == {"arp": 1, "nd": 0, "ping": 1, "rmcp": 1, "redfish": 1}
    assert report.end is ScanEnd.DONE


def test_behind_routers_everything_is_asked_of_everyone() -> None:
    done = run(order(share(2, (K.PING, K.RMCP), relayed=True)), "10.1.0.10")
    assert done.kinds() == [
        (K.PING, "10.1.0.10"),
        (K.PING, "10.1.0.11"),
        (K.RMCP, "10.1.0.10"),
        (K.RMCP, "10.1.0.11"),
        (K.PING, "10.1.0.11"),
        (K.RMCP, "10.1.0.11"),
    ]


def test_all_nodes_and_named_neighbours_are_asked_for() -> None:
    named = IPv6Address("fe80::7")
    engine = Engine(order(share(0, (K.ND,), all_nodes=True, neighbours=(named,))), 0.0)
    assert engine.due(0.0) == Probe(K.ND, "racks", ALL_NODES)
    assert engine.heard("racks", Heard(K.ND, IPv6Address("fe80::9"), MAC))
    assert not engine.heard("racks", Heard(K.ND, IPv6Address("fe80::9"), MAC))
    probe = engine.due(0.2)
    assert probe is not None
    assert probe.address == named


def test_answers_that_nobody_asked_for_count_for_nothing() -> None:
    engine = Engine(order(share(2, (K.ARP,))), 0.0)
    engine.due(0.0)
    assert not engine.heard("racks", Heard(K.ARP, IPv4Address("10.1.0.200"), MAC))
    assert not engine.heard("racks", Heard(K.ND, IPv6Address("fe80::1"), MAC))
    assert not engine.heard("racks", Heard(K.RMCP, FIRST))
    assert engine.report().found == 0


def test_made_up_neighbours_do_not_fill_the_memory() -> None:
    engine = Engine(order(share(0, (K.ND,), all_nodes=True)), 0.0)
    for number in range(MOST_NEIGHBOURS + 50):
        engine.heard("racks", Heard(K.ND, IPv6Address("fe80::") + number, MAC))
    assert engine.report().found == MOST_NEIGHBOURS


def test_few_redfish_connections_are_open_at_once_and_hanging_ones_hold_nothing_else_up() -> None:
    hosts = [str(FIRST + number) for number in range(30)]
    done = run(order(share(30, (K.ARP, K.REDFISH)), rate=1000), *hosts, redfish_s=8.0)
    assert done.most_under_way == REDFISH_AT_ONCE
    last_arp = max(at for at, probe in done.sent if probe.kind is K.ARP)
    assert last_arp < 102.0
    assert done.engine.report().answered()["redfish"] == 30


def test_a_subnet_that_is_given_up_costs_the_others_nothing() -> None:
    other = share(2, (K.ARP,), subnet="other", spans=(AddressRange(first=FIRST + 100, last=FIRST + 101),))
    engine = Engine(order(share(200, (K.ARP, K.PING)), other), 100.0)
    probe = engine.due(100.0)
    assert probe is not None
    assert probe.subnet == "racks"
    engine.heard("racks", Heard(K.ARP, FIRST, MAC))
    engine.give_up("racks", "the interface eth1 is gone")
    done = Run(engine, set())
    done.to_the_end()
    assert {probe.subnet for _, probe in done.sent} == {"other"}
    report = engine.report(ScanEnd.DONE)
    assert report.end is ScanEnd.CUT
    assert report.faults == ("racks: the interface eth1 is gone",)
    assert "1 host answers" in report.words()


def test_what_is_left_out_is_no_fault() -> None:
    engine = Engine(order(share(1, (K.ARP, K.ND), all_nodes=True)), 100.0)
    engine.leave_out("racks", K.ND, "eth1 has no IPv6 address")
    done = Run(engine, set())
    done.to_the_end()
    assert done.kinds() == [(K.ARP, "10.1.0.10")] * 2
    report = engine.report(ScanEnd.DONE)
    assert report.end is ScanEnd.DONE
    assert report.notes == ("racks: no nd: eth1 has no IPv6 address",)


@given(
    count=st.integers(1, 40),
    kinds=st.sets(st.sampled_from(list(ScanKind)), min_size=1),
    relayed=st.booleans(),
    rate=st.integers(1, 1000),
    up=st.sets(st.integers(0, 39)),
    late=st.floats(0, 0.3),
)
def test_no_second_has_more_packets_than_was_stated_and_all_of_it_no_more_than_was_told(
    count: int, kinds: set[ScanKind], *, relayed: bool, rate: int, up: set[int], late: float
) -> None:
    possible = kinds - {K.ARP, K.ND} if relayed else kinds | {K.ARP}
    asked = share(count, tuple(kind for kind in K if kind in possible), relayed=relayed, all_nodes=not relayed)
    if not possible:
        return
    done = run(order(asked, rate=rate), *(str(FIRST + number) for number in up), late=late)
    costs = [(at, REDFISH_PACKETS if probe.kind is K.REDFISH else 1) for at, probe in done.sent]
    for start, (at, _) in enumerate(costs):
        within = [packets for other, packets in costs[start:] if other < at + 1 - 1e-9]
        assert sum(within[:-1]) < rate  # the last may be a connection, which goes on for longer than this second
    told = {sending.kind: (sending.packets, sending.sure) for sending in sendings(asked)}
    for kind, (most, _) in told.items():
        sent = done.engine.sent[kind] * (REDFISH_PACKETS if kind is K.REDFISH else 1)
        assert sent <= most
    assert all(probe.address == ALL_NODES or asked.holds(IPv4Address(str(probe.address))) for _, probe in done.sent)
