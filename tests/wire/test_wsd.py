"""WS-Discovery: what wsdd of Debian 12 sends, what the standard shows, what must not be read, and any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.wsd import MOST_WORDS, Endpoint, Kind, Message
from tests.support.mutated import mutated

NAME = "urn:uuid:e5e61fb5-d685-5b50-9ba7-acb6e6962ef3"
URL = "http://10.77.0.1:5357/e5e61fb5-d685-5b50-9ba7-acb6e6962ef3"
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:wsx="http://schemas.xmlsoap.org/ws/2004/09/mex" '
    'xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof" '
    'xmlns:pnpx="http://schemas.microsoft.com/windows/pnpx/2005/10" '
    'xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07"><soap:Header>'
    "<wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>"
    "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Hello</wsa:Action>"
    "<wsa:ReplyTo><wsa:Address>urn:of-the-header</wsa:Address></wsa:ReplyTo>"
    '<wsd:AppSequence InstanceId="1795741113" MessageNumber="0" /></soap:Header><soap:Body>'
)
NAMED = f"<wsa:EndpointReference><wsa:Address>{NAME}</wsa:Address></wsa:EndpointReference>"


def soap(body: str) -> bytes:
    return f"{HEAD}{body}</soap:Body></soap:Envelope>".encode()


HELLO = soap(
    f"<wsd:Hello>{NAMED}<wsd:XAddrs>{URL}</wsd:XAddrs><wsd:MetadataVersion>1</wsd:MetadataVersion></wsd:Hello>"
)
BYE = soap(f"<wsd:Bye>{NAMED}</wsd:Bye>")
MATCHED = (
    f"<wsd:ProbeMatch>{NAMED}<wsd:Types> wsdp:Device\n pub:Computer </wsd:Types>"
    f"<wsd:Scopes>onvif://www.onvif.org/name/x</wsd:Scopes><wsd:XAddrs>{URL} {URL}/2</wsd:XAddrs></wsd:ProbeMatch>"
)
MATCHES = soap(f"<wsd:ProbeMatches>{MATCHED}</wsd:ProbeMatches>")


def oasis(message: bytes) -> bytes:
    """The same in the namespaces of the standard."""
    return message.replace(
        b"http://schemas.xmlsoap.org/ws/2005/04/discovery", b"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"
    ).replace(b"http://schemas.xmlsoap.org/ws/2004/08/addressing", b"http://www.w3.org/2005/08/addressing")


@pytest.mark.parametrize("changed", [bytes, oasis], ids=["2005", "2009"])
def test_a_device_that_announces_itself_is_read(changed: type[bytes]) -> None:
    assert Message.decode(changed(HELLO)) == Message(Kind.HELLO, (Endpoint(name=NAME, urls=(URL,)),))
    assert Message.decode(changed(BYE)) == Message(Kind.BYE, (Endpoint(name=NAME),))


def test_devices_that_were_found_are_read() -> None:
    found = Endpoint(
        name=NAME, types=("Device", "Computer"), scopes=("onvif://www.onvif.org/name/x",), urls=(URL, f"{URL}/2")
    )
    assert Message.decode(MATCHES) == Message(Kind.PROBE_MATCHES, (found,))
    resolved = MATCHES.replace(b"ProbeMatch", b"ResolveMatch")
    assert Message.decode(resolved) == Message(Kind.RESOLVE_MATCHES, (found,))


def test_who_looks_for_devices_tells_none() -> None:
    probe = soap("<wsd:Probe><wsd:Types>wsdp:Device</wsd:Types></wsd:Probe>")
    assert Message.decode(probe) == Message(Kind.PROBE, ())


def test_devices_and_words_beyond_a_few_are_left_out() -> None:
    many = soap(f"<wsd:ProbeMatches>{MATCHED.replace(URL, 'x:y ' * 20, 1) * 20}</wsd:ProbeMatches>")
    read = Message.decode(many)
    assert len(read.endpoints) == MOST_WORDS
    assert {len(one.urls) for one in read.endpoints} == {MOST_WORDS}


DOCTYPE = b'<!DOCTYPE soap:Envelope [<!ENTITY x "yyyy"><!ENTITY z SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no element"),
        (b"<a>", "no element"),
        (b"<a/>", "no such message"),
        (HELLO[:-1], "unclosed"),
        (HELLO.replace(b"?>", b"?>" + DOCTYPE, 1), "document type"),
        (HELLO.replace(b"?>", b'?><!DOCTYPE x SYSTEM "http://10.77.0.5/x.dtd">', 1), "document type"),
        (HELLO.replace(URL.encode(), b"&x;"), "undefined entity"),
        (soap("<wsd:Else/>"), "'Else' in the body"),
        (soap("<Hello/>"), "'' in the body"),
        (soap("<wsd:Hello/>"), "without an address"),
        (soap(f"<wsd:Bye>{NAMED}</wsd:Bye><wsd:Bye>{NAMED}</wsd:Bye>"), "in the body"),
        (soap("<wsd:Hello>" + "<a>" * 40), "too deep"),
        (HELLO.replace(URL.encode(), b"x" * 5000), "too long"),
        (HELLO.ljust(20_000), "too many"),
        (b"\xff" + HELLO, "not well-formed"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Message.decode(data)


def test_an_encoding_that_is_named_is_not_looked_up() -> None:
    assert Message.decode(HELLO.replace(b'"utf-8"', b'"rot13"')).endpoints[0].name == NAME
    assert Message.decode(HELLO.decode().encode("utf-16")).endpoints[0].name == NAME


@given(mutated([HELLO, MATCHES]) | st.binary(max_size=300) | st.text(max_size=100).map(soap))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        for one in Message.decode(data).endpoints:
            assert all(word.isprintable() and len(word) <= 255 for word in (one.name, *one.types, *one.urls))
