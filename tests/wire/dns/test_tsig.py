"""TSIG against dnspython: it verifies ours, we verify its, and what is tampered with is found."""

import time
from contextlib import suppress

import dns.message
import dns.name
import dns.tsig
import dns.tsigkeyring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import InvalidError, MalformedPacketError
from fibrix.wire.dns.codes import TsigError
from fibrix.wire.dns.query import decode_query
from fibrix.wire.dns.tsig import ALGORITHMS, Key, Signer, Tsig, verify, with_record

SECRET = b"0123456789abcdef"


def now() -> int:
    """The time that dnspython signs with: it looks at the clock itself."""
    return int(time.time())


def key(algorithm: str = "hmac-sha256", name: str = "xfer.example") -> Key:
    return Key.named(name, algorithm, SECRET)


def theirs(algorithm: str = "hmac-sha256") -> dns.tsig.Key:
    return dns.tsig.Key("xfer.example", SECRET, dns.name.from_text(algorithm))


def signed(algorithm: str = "hmac-sha256") -> bytes:
    query = dns.message.make_query("rack.example", "AXFR")
    query.use_tsig(theirs(algorithm))
    return query.to_wire()


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_query_signed_by_dnspython_is_good_and_our_answer_is_for_it(algorithm: str) -> None:
    query = dns.message.make_query("rack.example", "A")
    query.use_tsig(theirs(algorithm))
    octets = query.to_wire()
    ours = key(algorithm)
    tsig, error = verify(octets, decode_query(octets).tsig_at, {ours.name: ours}, now())
    assert error is TsigError.NONE
    assert tsig.key == ours.name
    plain = octets[:2] + b"\x84\0\0\1" + bytes(6) + octets[12:30]
    answer = Signer(ours, tsig.mac).sign(plain, now())
    read = dns.message.from_wire(answer, keyring={query.keyname: theirs(algorithm)}, request_mac=query.mac or b"")
    assert read.had_tsig


def test_all_messages_of_a_long_answer_hang_together() -> None:
    keyring = {dns.name.from_text("xfer.example"): theirs()}
    query = dns.message.make_query("rack.example", "AXFR")
    query.use_tsig(theirs())
    query.to_wire()
    mac = query.mac or b""
    signer = Signer(key(), mac)
    plain = query.id.to_bytes(2) + b"\x84\0" + bytes(8)
    context, first = None, True
    for _ in range(3):
        octets = signer.sign(plain, now())
        read = dns.message.from_wire(octets, keyring=keyring, request_mac=mac, tsig_ctx=context, multi=True, xfr=True)
        assert read.had_tsig
        context, first = read.tsig_ctx, False
    assert not first


def test_what_we_ask_is_good_to_dnspython() -> None:
    octets = Signer(key()).sign(dns.message.make_query("rack.example", "SOA").to_wire(), now())
    assert dns.message.from_wire(octets, keyring={dns.name.from_text("xfer.example"): theirs()}).had_tsig


def test_faults_are_told_apart() -> None:
    octets = signed()
    at, good = decode_query(octets).tsig_at, {key().name: key()}
    assert verify(octets, at, {}, now())[1] is TsigError.BADKEY
    assert verify(octets, at, {key().name: key("hmac-sha512")}, now())[1] is TsigError.BADKEY
    assert (
        verify(octets, at, {key().name: Key.named("xfer.example", "hmac-sha256", b"x")}, now())[1] is TsigError.BADSIG
    )
    assert verify(octets, at, good, now() + 1000)[1] is TsigError.BADTIME
    assert verify(octets, at, good, now() - 1000)[1] is TsigError.BADTIME
    tsig = Tsig.decode(octets, at)
    for length, expected in ((16, TsigError.BADTRUNC), (32, TsigError.NONE)):
        short = Tsig(tsig.key, tsig.algorithm, tsig.time, tsig.fudge, tsig.mac[:length], tsig.original)
        bare = octets[:10] + b"\0\0" + octets[12:at]
        assert verify(with_record(bare, short), at, good, now())[1] is expected


@given(st.integers(12, 200), st.integers(1, 255))
def test_a_message_that_was_tampered_with_is_not_good(place: int, change: int) -> None:
    octets = bytearray(signed())
    octets[place % len(octets)] ^= change
    with suppress(MalformedPacketError):
        at = decode_query(bytes(octets)).tsig_at
        tsig = Tsig.decode(bytes(octets), at) if at else None
        error = verify(bytes(octets), at, {key().name: key()}, now())[1] if tsig else TsigError.BADKEY
        untouched = tsig is not None and bytes(octets).lower() == signed().lower()
        assert error is not TsigError.NONE or untouched or bytes(octets[at:]).lower() != signed()[at:].lower()


@given(st.binary(max_size=120))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert Tsig.decode(data, 0).encode().lower() == data.lower()


def test_secrets_are_not_shown_and_bad_algorithms_refused() -> None:
    assert "0123" not in repr(key())
    with pytest.raises(InvalidError, match="hmac-md5"):
        key("hmac-md5")
