"""Which URLs and addresses events may be sent to."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.webhook_target import Reach, check_url
from fibrix.errors import InvalidError

PUBLIC = Reach()
LAB = Reach.of(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize("address", ["8.8.8.8", "193.0.14.129", "2606:4700::1111", "2a00:1450:4001::1"])
def test_the_public_internet_is_reached_by_tls_only(address: str) -> None:
    assert PUBLIC.permits(address, plain=False)
    assert not PUBLIC.permits(address, plain=True)
    assert not LAB.permits(address, plain=True)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "100.127.255.254", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1"),
        *("192.0.0.1", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fdff::1", "ff02::1", "ff0e::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1"),
        *("", "localhost", "127.1", "0x7f000001", "2130706433", "8.8.8.8.", " 8.8.8.8", "8.8.8.8/32"),
    ],
)
def test_what_is_inside_or_nobodys_is_refused(address: str) -> None:
    assert not PUBLIC.permits(address, plain=False)
    assert not PUBLIC.permits(address, plain=True)


@pytest.mark.parametrize("address", ["10.0.0.1", "10.255.255.255", "fd12::1"])
def test_networks_that_the_operator_allows_are_reached_also_without_tls(address: str) -> None:
    assert LAB.permits(address, plain=False)
    assert LAB.permits(address, plain=True)


@pytest.mark.parametrize("address", ["::ffff:10.0.0.1", "64:ff9b::a00:1", "192.168.1.1", "2002:a00:1::"])
def test_an_allowed_network_allows_no_other_way_into_it(address: str) -> None:
    assert not LAB.permits(address, plain=False)
    assert not LAB.permits(address, plain=True)


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7") | st.ip_addresses(network="::/8"))
def test_no_private_address_at_all_is_permitted(address: object) -> None:
    assert not PUBLIC.permits(str(address), plain=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example/",
        "https://x.example",
        "https://x.example:8443/a?b=c&d",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:444/hook",
        "https://localhost/",  # a name: it is looked at when it is resolved
        "https://xn--bcher-kva.example/",
    ],
)
def test_urls_that_can_be(url: str) -> None:
    assert check_url(url, PUBLIC) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "//x.example", "ftp://x.example/", "file:///etc/passwd", "unix:/run/x.sock", "gopher://x/"),
        *("http://x.example/", "https://", "https:///path", "https://:443/", "https://x.example:0/"),
        *("https://x.example:99999/", "https://x.example:x/", "https://user@x.example/", "https://u:p@x.example/"),
        *("https://x.example/#part", "https://x.example/a b", "https://x.example/\n", "https://x.example\\@y/"),
        *("https://b\u00fccher.example/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:8.8.8.8]/"),
        *("https://[fe80::1%25eth0]/", "https://[", "https://x..example/", "https://x.example/" + "a" * 2048),
        *("https://169.254.169.254/latest/meta-data", "http://8.8.8.8/", "https://%31%32%37.0.0.1/"),
    ],
)
def test_urls_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_url(url, PUBLIC)
    assert caught.value.pointer == "/url"


def test_plain_http_is_for_allowed_networks() -> None:
    assert check_url("http://10.1.2.3/", LAB)
    assert check_url("http://billing.lan:8080/hook", LAB)  # a name: it is looked at when it is resolved
    for url in ("http://8.8.8.8/", "http://192.168.1.1/"):
        with pytest.raises(InvalidError, match="does not deliver"):
            check_url(url, LAB)


@given(st.text(max_size=60).map(lambda text: f"https://{text}") | st.text(max_size=60))
def test_any_text_is_taken_or_refused(text: str) -> None:
    with suppress(InvalidError):
        assert check_url(text, LAB).lower().startswith(("https://", "http://"))
