import pytest

from fibrix.runtime.vendor import vendor
from fibrix.types import MacAddress


@pytest.mark.parametrize(
    ("mac", "maker"),
    [
        ("00:14:22:01:02:03", "Dell Inc."),
        ("70:b3:d5:00:1a:bc", "SOREDI touch systems GmbH"),  # of a block of 4,096 only
        ("02:14:22:01:02:03", ""),  # made up on the machine itself
        ("fc:fc:fc:fc:fc:fc", ""),
    ],
)
def test_a_mac_tells_who_made_the_interface(mac: str, maker: str) -> None:
    assert vendor(MacAddress(mac)) == maker
