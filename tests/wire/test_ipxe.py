"""iPXE scripts: nothing from outside becomes more than a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import InvalidError
from fibrix.wire.ipxe import Setting, echo, script, word, words

NASTY = st.text("a ${}|&;#\n\r\t\0-\u00e4\u2028", max_size=30)


def test_a_script_begins_with_the_mark_that_ipxe_knows_it_by() -> None:
    assert script(["echo hello", "exit"]) == "#!ipxe\necho hello\nexit\n"


def test_a_setting_is_expanded_by_ipxe() -> None:
    assert word("BOOTIF=01-", Setting("netX/mac:hexhyp")) == "BOOTIF=01-${netX/mac:hexhyp}"


@pytest.mark.parametrize(
    "text", ["", "a b", "a\nb", "${mac}", "||", "&&", ";", "#comment", "ä", "a\0b", "\x7f", "\u2028"], ids=repr
)
def test_a_word_that_would_not_stay_one_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        word(text)


def test_a_setting_cannot_be_put_together_from_harmless_parts() -> None:
    with pytest.raises(InvalidError):
        word("a$", "{mac}")


def test_a_refusal_does_not_give_a_secret_away() -> None:
    with pytest.raises(InvalidError) as refused:
        word("fibrix.token=", "sec ret")
    assert "fibrix.token" in str(refused.value)
    assert "sec" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "mac}", "a$b", "mac:HEX"])
def test_an_odd_setting_is_refused(name: str) -> None:
    with pytest.raises(InvalidError):
        Setting(name)


def test_kernel_arguments_are_cut_at_white_space() -> None:
    assert words(" console=tty0  console=ttyS0,115200 ") == ("console=tty0", "console=ttyS0,115200")


@given(NASTY)
def test_what_is_shown_is_one_harmless_command(text: str) -> None:
    shown = echo(text)
    assert shown.split()[0] == "echo"
    assert not set(shown) & set("$;#|&\n\r\t\0")
    assert shown.isascii()
    assert not shown.startswith("echo -")
    assert script([shown]).count("\n") == 2


@given(NASTY)
def test_a_script_never_has_more_lines_than_it_was_given(text: str) -> None:
    try:
        made = script([text])
    except InvalidError:
        return
    assert len(made.splitlines()) == 2
