"""Records as people write them, and what is wrong with those that are refused."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.zones.names import above, check_name, target, whole, zone_of
from fibrix.domain.zones.rules import check_beside, checked_record, checked_zone
from fibrix.domain.zones.things import DnsZone, ZoneRecord
from fibrix.domain.zones.values import check_value, key_octets
from fibrix.errors import ConflictError, InvalidError
from fibrix.wire.dns.rdata import decode_rdata, encode_rdata
from tests.domain.build import T0

ZONE = "rack.example"


def record(name: str, kind: str, value: str, *, record_id: str = "d1") -> ZoneRecord:
    return ZoneRecord(id=record_id, zone=ZONE, name=whole(name, ZONE), type=kind, value=value)


@pytest.mark.parametrize(
    ("kind", "given_as", "kept"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "Web.Example.", "web.example"),
        ("CNAME", "web", "web.rack.example"),
        ("CNAME", "@", "rack.example"),
        ("MX", "010 mail", "10 mail.rack.example"),
        ("SRV", "0 5 5060 sip.example.", "0 5 5060 sip.example"),
        ("PTR", "web-1.rack.example.", "web-1.rack.example"),
        ("NS", "ns1.example", "ns1.example"),
        ("CAA", '0 ISSUE "ca.example"', '0 issue "ca.example"'),
        ("CAA", "128 iodef mailto:a@ca.example", '128 iodef "mailto:a@ca.example"'),
        ("TXT", "v=spf1 -all", '"v=spf1 -all"'),
        ("TXT", '"one"  "two \\" three"', '"one" "two \\" three"'),
        ("TXT", "x" * 300, f'"{"x" * 255}" "{"x" * 45}"'),
        ("TXT", "é", '"\\195\\169"'),
        ("TXT", '""', '""'),
    ],
)
def test_a_value_is_brought_into_one_form_that_others_read_too(kind: str, given_as: str, kept: str) -> None:
    assert check_value(kind, given_as, ZONE) == kept
    assert check_value(kind, kept, ZONE) == kept
    dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), kept)
    assert decode_rdata(kind, encode_rdata(kind, kept)) == kept


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("A", "192.0.2.256", "IPv4"),
        ("A", "2001:db8::1", "IPv4"),
        ("AAAA", "192.0.2.1", "IPv6"),
        ("AAAA", "fe80::1%eth0", "zone index"),
        ("CNAME", "a..b", "no domain name"),
        ("CNAME", "", "no domain name"),
        ("CNAME", f"{'a' * 64}.example", "63"),
        ("CNAME", ".".join(["a" * 60] * 5), "253"),
        ("MX", "mail", "preference"),
        ("MX", "65536 mail", "65535"),
        ("MX", "-1 mail", "65535"),
        ("SRV", "1 2 3", "priority"),
        ("CAA", "256 issue x", "255"),
        ("CAA", '0 is-sue "x"', "CAA"),
        ("TXT", '"open', "quote"),
        ("TXT", '"a" b', "quote"),
        ("TXT", '"\\256"', "octet"),
        ("TXT", "x" * 3000, "2048"),
        ("SOA", "x", "type"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(kind: str, value: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        check_value(kind, value, ZONE)


@given(st.sampled_from(["TXT", "CAA", "MX", "SRV", "CNAME", "A", "AAAA"]), st.text(max_size=300))
def test_any_text_is_refused_or_keeps_its_form(kind: str, text: str) -> None:
    try:
        kept = check_value(kind, text, ZONE)
    except InvalidError:
        return
    assert check_value(kind, kept, ZONE) == kept
    dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), kept)
    assert decode_rdata(kind, encode_rdata(kind, kept)) == kept


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("@", "CNAME", "SOA"),
        ("@", "NS", "edit the zone"),
        ("www.other.example.", "A", "not in the zone"),
        ("a.*", "A", "no domain name"),
        ("-a", "A", "no domain name"),
    ],
)
def test_what_cannot_stand_in_a_zone_is_refused(name: str, kind: str, words: str) -> None:
    value = "192.0.2.1" if kind == "A" else "x.example"
    with pytest.raises(InvalidError, match=words):
        checked_record(record(name, kind, value))


def test_a_cname_stands_alone_and_nothing_is_there_twice() -> None:
    a, cname = record("www", "A", "192.0.2.1"), record("www", "CNAME", "x.example", record_id="d2")
    for new, there in ((cname, a), (a, cname), (record("www", "A", "192.0.2.1", record_id="d3"), a)):
        with pytest.raises(ConflictError):
            check_beside(new, [there])
    check_beside(a, [a])  # in its own place
    check_beside(record("www", "A", "192.0.2.2", record_id="d3"), [a])


def test_names_are_completed_as_in_a_zone_file() -> None:
    assert [whole(name, ZONE) for name in ("@", "", "www", "a.b", "www.rack.example", "x.org.")] == [
        "rack.example",
        "rack.example",
        "www.rack.example",
        "a.b.rack.example",
        "www.rack.example",
        "x.org",
    ]
    assert target("a.b", ZONE, pointer="") == "a.b"
    assert check_name("*.Rack.Example.", pointer="", wildcard=True) == "*.rack.example"
    assert zone_of("a.b.rack.example", {"example", "rack.example"}) == "rack.example"
    assert zone_of("a.other", {"example"}) is None
    assert list(above("a.b")) == ["a.b", "b"]


def test_a_zone_is_checked_whole() -> None:
    zone = DnsZone(name="Rack.Example.", mailbox="dns@isp.example", name_servers=("NS1.isp.example",), created_at=T0)
    checked = checked_zone(zone)
    assert (checked.name, checked.mailbox, checked.name_servers) == (
        "rack.example",
        "dns.isp.example",
        ("ns1.isp.example",),
    )
    with pytest.raises(InvalidError, match="dot before the @"):
        checked_zone(DnsZone(name="a.example", mailbox="a.b@isp.example", created_at=T0))


@pytest.mark.parametrize("secret", ["", "AAAA", "not base64!", "A" * 400])
def test_a_weak_secret_is_refused_without_saying_it(secret: str) -> None:
    with pytest.raises(InvalidError) as refused:
        key_octets(secret)
    assert not secret or secret not in str(refused.value)
