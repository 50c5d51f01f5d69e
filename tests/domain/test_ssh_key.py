"""SSH public keys, held against ssh-keygen."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.ssh_key import TYPES, check_line, check_name, free_name, read_lines
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


def made(folder: Path, *words: str) -> str:
    """Make a key by ssh-keygen; gives its public line."""
    path = folder / f"key{len(list(folder.iterdir()))}"
    subprocess.run(["ssh-keygen", "-q", "-N", "", *words, "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text().strip()


def test_an_rsa_key_that_can_be_broken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="less than 2048 bits"):
        check_line(made(tmp_path, "-t", "rsa", "-b", "1024"))
    check_line(made(tmp_path, "-t", "rsa", "-b", "2048"))


def test_a_file_of_keys_is_read_line_by_line_and_named_by_comments(tmp_path: Path) -> None:
    keys = [made(tmp_path, "-t", "ed25519", "-C", comment) for comment in ("ann@laptop", "Bob's key, old!", "", "äö")]
    found = read_lines("# a file\r\n\r\n" + "\r\n".join(keys))
    assert [line.wished for line in found[:2]] == ["ann@laptop", "Bob-s-key-old"]
    assert all(line.wished.startswith("ssh-ed25519-") for line in found[2:])
    assert all(check_name(line.wished) for line in found)


def test_every_faulty_line_is_told_by_its_number(tmp_path: Path) -> None:
    good = made(tmp_path, "-t", "ed25519", "-C", "x")
    with pytest.raises(InvalidError) as refused:
        read_lines(f"{good}\nssh-rsa AAAA\n# fine\nno-pty {good}\n{good[:40]}\n")
    assert [fault.detail.split(":")[0] for fault in refused.value.faults] == ["line 2", "line 4", "line 5"]
    assert "options before the key" in refused.value.faults[1].detail
    assert {fault.pointer for fault in refused.value.faults} == {"/text"}
    with pytest.raises(InvalidError, match="there is no key in it"):
        read_lines("\n# nothing\n")


@given(st.text())
def test_any_file_is_read_or_refused_with_faults(text: str) -> None:
    try:
        assert read_lines(text)
    except InvalidError as exc:
        assert exc.faults  # noqa: PT017 - either way is fine


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert free_name("ann", {"bob"}) == "ann"
    assert free_name("ann", {"ann", "ann-2"}) == "ann-3"
