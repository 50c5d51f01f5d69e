"""What hosts give for a Redfish service root."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.scan_report import RedfishRoot
from fibrix.services.scan.root import read_root


def test_a_service_root_is_read() -> None:
    told = {
        "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
        "RedfishVersion": "1.15.0",
        "Name": "Root\tService \n",
        "UUID": "92384634-2938-2342-8820-489239905423",
        "Vendor": "Contoso",
        "Product": "UltraRack",
        "Systems": {"@odata.id": "/redfish/v1/Systems"},
    }
    assert read_root(json.dumps(told).encode()) == RedfishRoot(
        version="1.15.0",
        name="Root Service",
        uuid="92384634-2938-2342-8820-489239905423",
        vendor="Contoso",
        product="UltraRack",
    )


def test_an_old_one_shows_its_maker_in_its_own_part() -> None:
    told: dict[str, object] = {"RedfishVersion": "1.0.0", "Oem": {"Hpe": {"Moniker": {}}}, "UUID": None, "Name": 7}
    assert read_root(json.dumps(told).encode()) == RedfishRoot(version="1.0.0", vendor="Hpe")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"Name": "x"}', b'{"RedfishVersion": []}', b"[" * 65_536, b'{"a":' * 10_000],
)
def test_what_is_no_service_root_is_none(body: bytes) -> None:
    assert read_root(body) is None


def test_texts_are_short_and_printable() -> None:
    told = {"RedfishVersion": "1\x1b[31m", "Name": "x" * 10_000, "Oem": {"a\x00b": 1}}
    root = read_root(json.dumps(told).encode())
    assert root is not None
    assert (root.version, len(root.name)) == ("1\N{REPLACEMENT CHARACTER}[31m", 100)
    assert root.vendor.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["RedfishVersion", "Oem", "Name"]), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_octets_are_read_or_refused(body: bytes) -> None:
    root = read_root(body)
    assert root is None or root.name.isprintable()
