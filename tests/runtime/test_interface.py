"""An interface that is made anew is told from the one that it replaces."""

import os

import pytest

from fibrix.runtime.interface import Interface
from tests.support.netns import entered, ip, namespace, needs_root


def test_an_interface_that_is_not_there_is_refused() -> None:
    with pytest.raises(OSError, match="no interface"):
        Interface("nowhere0")


@pytest.mark.skipif(os.geteuid() != 0, reason=needs_root)
def test_an_interface_that_goes_and_comes_again_is_another() -> None:
    name = f"fxif-{os.getpid()}"
    with namespace(name), entered(name):
        ip("link", "add", "x0", "type", "veth", "peer", "name", "x1")
        first = Interface("x0")
        assert first.gone() == ""
        ip("link", "del", "x0")
        assert "is gone" in first.gone()
        ip("link", "add", "x0", "type", "veth", "peer", "name", "x1")
        assert first.gone() == "the interface was replaced"
        assert Interface("x0").gone() == ""
