"""What the zones say, question by question: dnspython reads the answers."""

from contextlib import suppress
from ipaddress import IPv4Address

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.dns import DnsSnapshot, Record
from fibrix.services.dns.engine import Asker, Drop, Engine, Forward, Reply
from fibrix.services.dns.zones import Zones
from tests.services.dns.site import changed, rack, records, reverse, snapshot, zone

STRANGER = Asker(IPv4Address("198.51.100.7"))
LOCAL = Asker(IPv4Address("192.0.2.7"), recursion=True)


def engine(value: DnsSnapshot | None = None) -> Engine:
    zones = Zones()
    for _ in zones.update(value or snapshot(rack(), reverse())):
        pass
    return Engine(zones)


ENGINE = engine()


def ask(name: str, kind: str = "A", asker: Asker = STRANGER, **more: object) -> dns.message.Message:
    decision = ENGINE.decide(dns.message.make_query(name, kind, **more).to_wire(), asker, 0)  # type: ignore[arg-type]
    assert isinstance(decision, Reply), decision
    return dns.message.from_wire(decision.octets)


def section(rrsets: list[dns.rrset.RRset]) -> set[str]:
    return {line for rrset in rrsets for line in rrset.to_text().splitlines()}


ANSWERS = [
    ("web.rack.example", "A", {"web.rack.example. 300 IN A 192.0.2.10", "web.rack.example. 300 IN A 192.0.2.11"}),
    ("mail.rack.example", "AAAA", {"mail.rack.example. 300 IN AAAA 2001:db8::3"}),
    ("rack.example", "MX", {"rack.example. 300 IN MX 10 mail.rack.example."}),
    ("rack.example", "TXT", {'rack.example. 300 IN TXT "v=spf1 -all"'}),
    ("www.rack.example", "CNAME", {"www.rack.example. 300 IN CNAME web.rack.example."}),
    ("a.wild.rack.example", "A", {"a.wild.rack.example. 300 IN A 192.0.2.30"}),
    ("a.b.wild.rack.example", "TXT", {'a.b.wild.rack.example. 300 IN TXT "any"'}),
    ("there.wild.rack.example", "A", {"there.wild.rack.example. 300 IN A 192.0.2.31"}),
    ("*.wild.rack.example", "A", {"*.wild.rack.example. 300 IN A 192.0.2.30"}),
    (
        "www.rack.example",
        "A",
        {
            "www.rack.example. 300 IN CNAME web.rack.example.",
            "web.rack.example. 300 IN A 192.0.2.10",
            "web.rack.example. 300 IN A 192.0.2.11",
        },
    ),
    (
        "reverse.rack.example",
        "PTR",
        {
            "reverse.rack.example. 300 IN CNAME 10.0/25.2.0.192.in-addr.arpa.",
            "10.0/25.2.0.192.in-addr.arpa. 300 IN PTR web.rack.example.",
        },
    ),
]


@pytest.mark.parametrize(("name", "kind", "expected"), ANSWERS)
def test_what_is_there_is_told(name: str, kind: str, expected: set[str]) -> None:
    answer = ask(name, kind)
    assert section(answer.answer) == expected
    assert answer.flags & dns.flags.AA
    assert not answer.flags & dns.flags.RA
    assert answer.rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("name", "kind", "rcode"),
    [
        ("nothing.rack.example", "A", "NXDOMAIN"),
        ("a.b.c.rack.example", "A", "NXDOMAIN"),
        ("under.there.wild.rack.example", "A", "NXDOMAIN"),  # a name that is there ends the wildcard
        ("web.rack.example", "AAAA", "NOERROR"),
        ("empty.rack.example", "A", "NOERROR"),  # an empty non-terminal
        ("_tcp.rack.example", "SRV", "NOERROR"),
        ("wild.rack.example", "A", "NOERROR"),
        ("a.wild.rack.example", "MX", "NOERROR"),
        ("sub.rack.example", "DS", "NOERROR"),
        ("11.0/25.2.0.192.in-addr.arpa", "PTR", "NXDOMAIN"),
    ],
)
def test_absence_comes_with_the_soa_that_says_for_how_long(name: str, kind: str, rcode: str) -> None:
    answer = ask(name, kind)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert not answer.answer
    (soa,) = answer.authority
    assert (soa.rdtype, soa.ttl) == (dns.rdatatype.SOA, 45)
    assert answer.flags & dns.flags.AA


def test_a_chain_may_end_in_nothing_go_round_or_lead_away() -> None:
    dead = ask("dead.rack.example")
    assert (dead.rcode(), len(dead.answer), len(dead.authority)) == (dns.rcode.NXDOMAIN, 1, 1)
    assert len(ask("loop-a.rack.example").answer) == 2
    far = ask("far.rack.example")
    assert (section(far.answer), far.rcode()) == ({"far.rack.example. 300 IN CNAME www.elsewhere.example."}, 0)


@pytest.mark.parametrize("name", ["sub.rack.example", "deep.down.sub.rack.example", "ns.sub.rack.example"])
def test_below_a_delegation_others_are_pointed_to(name: str) -> None:
    answer = ask(name)
    assert not answer.answer
    assert not answer.flags & dns.flags.AA
    assert section(answer.authority) == {"sub.rack.example. 300 IN NS ns.sub.rack.example."}
    assert section(answer.additional) == {"ns.sub.rack.example. 300 IN A 192.0.2.53"}


def test_addresses_of_targets_come_along() -> None:
    assert section(ask("rack.example", "MX").additional) == {
        "mail.rack.example. 300 IN A 192.0.2.3",
        "mail.rack.example. 300 IN AAAA 2001:db8::3",
    }
    assert len(section(ask("_sip._tcp.rack.example", "SRV").additional)) == 2
    assert len(section(ask("rack.example", "NS").additional)) == 2


def test_any_is_answered_with_one_set_alone() -> None:
    assert len(ask("mail.rack.example", "ANY").answer) == 1
    assert ask("rack.example", "ANY").answer[0].rdtype == dns.rdatatype.SOA


def test_the_question_is_given_back_as_it_was_written() -> None:
    query = dns.message.make_query("wEb.RaCk.example", "A").to_wire()
    decision = ENGINE.decide(query, STRANGER, 0)
    assert isinstance(decision, Reply)
    assert query[12:] in decision.octets


def test_edns_is_answered_in_kind() -> None:
    assert ask("web.rack.example").edns == -1
    with_do = ask("web.rack.example", use_edns=0, want_dnssec=True, payload=4096)
    assert (with_do.edns, with_do.payload, with_do.ednsflags & dns.flags.DO) == (0, 1232, dns.flags.DO)
    assert not ask("web.rack.example", use_edns=0).ednsflags
    bad = ask("web.rack.example", use_edns=3)
    assert (bad.rcode(), bad.edns, bad.answer) == (dns.rcode.BADVERS, 0, [])


@pytest.mark.parametrize(("payload", "truncated"), [(None, True), (600, True), (1232, True), (4096, True)])
def test_what_does_not_fit_is_cut_and_no_datagram_is_too_long(payload: int | None, truncated: bool) -> None:  # noqa: FBT001
    more: dict[str, object] = {} if payload is None else {"use_edns": 0, "payload": payload}
    answer = ask("big.rack.example", "TXT", STRANGER, **more)
    assert bool(answer.flags & dns.flags.TC) is truncated
    assert not answer.answer
    whole = ask("big.rack.example", "TXT", Asker(STRANGER.address, stream=True))
    assert len(whole.answer[0]) == 20


@pytest.mark.parametrize(
    ("name", "kind", "more", "rcode"),
    [
        ("elsewhere.example", "A", {}, "REFUSED"),
        ("web.rack.example", "A", {"rdclass": "CH"}, "REFUSED"),
        ("web.rack.example", "OPT", {}, "FORMERR"),
        ("web.rack.example", "TKEY", {}, "NOTIMP"),
        ("rack.example", "AXFR", {}, "REFUSED"),
        ("web.rack.example", "AXFR", {}, "NOTAUTH"),
        ("rack.example", "IXFR", {}, "REFUSED"),
    ],
)
def test_what_is_not_answered_is_refused_by_name(name: str, kind: str, more: dict[str, object], rcode: str) -> None:
    answer = ask(name, kind, STRANGER, **more)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert not answer.answer


def test_questions_of_our_networks_about_others_are_forwarded() -> None:
    def decide(name: str, flags: int = dns.flags.RD) -> object:
        return ENGINE.decide(dns.message.make_query(name, "A", flags=flags).to_wire(), LOCAL, 0)

    elsewhere, far, below = decide("elsewhere.example"), decide("far.rack.example"), decide("x.sub.rack.example")
    assert isinstance(elsewhere, Forward)
    assert isinstance(far, Forward)
    assert isinstance(below, Forward)
    assert (elsewhere.name, far.name, below.name) == (
        "elsewhere.example",
        "www.elsewhere.example",
        "x.sub.rack.example",
    )
    assert far.chain is not None
    assert isinstance(decide("elsewhere.example", 0), Reply)  # they do not want recursion
    assert isinstance(decide("web.rack.example"), Reply)


def test_answers_get_no_answer_and_other_opcodes_are_not_implemented() -> None:
    query = bytearray(dns.message.make_query("web.rack.example", "A").to_wire())
    query[2] |= 0x80
    assert ENGINE.decide(bytes(query), STRANGER, 0) == Drop("answer")
    assert ENGINE.decide(b"\0" * 11, STRANGER, 0) == Drop("malformed")
    for opcode in (1, 2, 4, 5, 15):
        query[2] = opcode << 3
        decision = ENGINE.decide(bytes(query), STRANGER, 0)
        assert isinstance(decision, Reply)
        assert dns.rcode.to_text(dns.message.from_wire(decision.octets).rcode()) == "NOTIMP"


GOOD = dns.message.make_query("web.rack.example", "A", use_edns=0).to_wire()


@given(st.binary(max_size=100) | st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)).map(
    lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + len(change[1]) :]
))  # fmt: skip
def test_any_bytes_get_an_answer_that_can_be_read_or_none(data: bytes) -> None:
    for asker in (STRANGER, LOCAL, Asker(STRANGER.address, stream=True)):
        decision = ENGINE.decide(data, asker, 0)
        if isinstance(decision, Reply):
            assert decision.octets[:2] == data[:2]
            with suppress(dns.exception.DNSException):
                assert dns.message.from_wire(decision.octets).flags & dns.flags.QR
        if isinstance(decision, Reply) and decision.malformed:
            assert len(decision.octets) <= len(data)


names = st.sampled_from(["a", "a.b", "b", "c.a.b", "*.b", "x.y.z", "y.z", "*", "z"])
kinds = st.sampled_from([("A", "192.0.2.1"), ("TXT", '"x"'), ("NS", "ns.elsewhere"), ("CNAME", "b.rack.example")])
entries = st.lists(st.tuples(names, kinds), max_size=8, unique=True)


@given(entries, st.lists(entries, max_size=4))
def test_a_zone_that_followed_its_changes_says_what_one_made_anew_says(
    first: list[tuple[str, tuple[str, str]]], steps: list[list[tuple[str, tuple[str, str]]]]
) -> None:
    def made(wanted: list[tuple[str, tuple[str, str]]]) -> set[Record]:
        return set(records("\n".join(f"{name}.rack.example {kind} {value}" for name, (kind, value) in wanted)))

    now = made(first)
    value = zone("rack.example", [*records("rack.example NS ns.elsewhere"), *sorted(now)])
    followed = Zones()
    for _ in followed.update(snapshot(value)):
        pass
    for step in steps:
        wanted = made(step)
        value = changed(value, add=sorted(wanted - now), remove=sorted(now - wanted))
        now = wanted
        ready = followed.ready["rack.example"]
        for _ in followed.update(snapshot(value)):
            pass
        assert followed.ready["rack.example"] is ready
    anew = engine(snapshot(value))
    for name in ("a", "a.b", "b", "c.a.b", "q.b", "x.y.z", "y.z", "z", "q", "q.a", "q.y.z", "*.b", "*"):
        for kind in ("A", "TXT", "NS"):
            query = dns.message.make_query(f"{name}.rack.example", kind).to_wire()
            assert Engine(followed).decide(query, STRANGER, 0) == anew.decide(query, STRANGER, 0)
