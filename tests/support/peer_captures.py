"""Captures of real devices from tcpdump's tests, where they lie beside the checkout."""

from pathlib import Path

import pytest

from tests.support.pcap import frames

_FOLDERS = [parent / "shared/captures/tcpdump" for parent in Path(__file__).resolve().parents]


def captured(name: str) -> list[bytes]:
    """The Ethernet frames of one capture; skips the test where there is none."""
    for folder in _FOLDERS:
        if (path := folder / f"{name}.pcap").exists():
            return [one.frame for one in frames(path)]
    pytest.skip(f"no shared/captures/tcpdump/{name}.pcap beside the checkout")
