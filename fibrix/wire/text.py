"""Texts that strangers send: made fit to be kept, shown and compared."""

from typing import Final

LONGEST: Final = 255
"""How many characters of one text are kept, where nothing else is said."""

_OCTETS: Final = 4  # that one character of UTF-8 may take


def text(octets: bytes, longest: int = LONGEST) -> str:
    """Read UTF-8 of a stranger: printable, in one line, `longest` characters at most.

    Blanks and line ends become one space, other control characters and what is not UTF-8 the replacement character.
    What follows a zero octet is left out: many senders end or fill their texts with it.
    """
    return tidy(octets[: _OCTETS * longest].partition(b"\0")[0].decode("utf-8", "replace"), longest)


def tidy(words: str, longest: int = LONGEST) -> str:
    """Make a text printable, in one line, `longest` characters at most."""
    words = words[: _OCTETS * longest]
    if not words.isprintable() or "  " in words:
        words = " ".join(words.split())
        if not words.isprintable():
            words = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
    return words.strip()[:longest].rstrip()
