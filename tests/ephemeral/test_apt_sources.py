from pathlib import Path

import pytest

from fibrix.config import EphemeralConfig
from fibrix.ephemeral.apt_sources import debian_sources
from fibrix.errors import BuildError

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
 non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

VENDORS = """\
deb https://packages.vendor.example/apt cloud-sdk-bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/vendor.gpg] https://download.vendor.example/linux/debian bookworm main
deb https://download.vendor.example/linux/debian bookworm stable
"""

SIGNED = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"


@pytest.fixture
def apt_dir(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "vendors.list").write_text(VENDORS)
    return tmp_path


def test_debians_stanzas_are_taken_and_other_vendors_and_suites_left_out(apt_dir: Path) -> None:
    (apt_dir / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert debian_sources(EphemeralConfig(), apt_dir=apt_dir) == [
        f"deb {SIGNED} http://mirror.example/debian bookworm main non-free-firmware",
        f"deb {SIGNED} http://mirror.example/debian bookworm-updates main non-free-firmware",
        f"deb {SIGNED} http://mirror.example/debian-security bookworm-security main",
    ]


def test_the_one_line_form_is_read_too(apt_dir: Path) -> None:
    (apt_dir / "sources.list").write_text(
        "#deb http://old.example/debian bookworm main\n"
        "deb-src http://mirror.example/debian bookworm main\n"
        "deb http://mirror.example/debian/ bookworm main contrib  # ours\n"
    )
    assert debian_sources(EphemeralConfig(), apt_dir=apt_dir) == [
        "deb http://mirror.example/debian/ bookworm main contrib"
    ]


def test_a_disabled_stanza_is_no_source(apt_dir: Path) -> None:
    (apt_dir / "sources.list.d" / "debian.sources").write_text("Enabled: no\n" + DEB822.partition("\n\n")[0])
    with pytest.raises(BuildError, match="apt_sources"):
        debian_sources(EphemeralConfig(), apt_dir=apt_dir)


def test_another_suite_is_not_found_among_bookworms(apt_dir: Path) -> None:
    (apt_dir / "sources.list.d" / "debian.sources").write_text(DEB822)
    with pytest.raises(BuildError, match="Debian trixie"):
        debian_sources(EphemeralConfig(suite="trixie"), apt_dir=apt_dir)


def test_configured_files_are_taken_as_they_are(apt_dir: Path) -> None:
    mine = Path("/srv/mine.sources")
    assert debian_sources(EphemeralConfig(apt_sources=(mine,)), apt_dir=apt_dir) == [mine]
