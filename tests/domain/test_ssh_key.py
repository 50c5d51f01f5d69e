"""SSH public keys, held against ssh-keygen."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.ssh_key import TYPES, check_line
from fibrix.errors import InvalidError


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_fingerprint_is_the_one_that_ssh_keygen_tells(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "ann at home", "-f", str(path)], check=True)
    told = subprocess.run(["ssh-keygen", "-l", "-f", str(path)], check=True, capture_output=True, text=True).stdout
    line, fingerprint = check_line(path.with_suffix(".pub").read_text())
    assert fingerprint == told.split()[1]
    assert line.endswith(" ann at home")


@given(st.text(), st.sampled_from([*sorted(TYPES), "", "x"]), st.binary(max_size=60))
def test_any_text_is_a_key_of_one_line_or_refused(text: str, kind: str, octets: bytes) -> None:
    for candidate in (text, f"{kind} {text}", f"{kind} {octets.hex()}"):
        with suppress(InvalidError):
            line, fingerprint = check_line(candidate)
            assert "\n" not in line
            assert fingerprint.startswith("SHA256:")
            assert check_line(line) == (line, fingerprint)
