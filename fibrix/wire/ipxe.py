"""iPXE scripts: values → text that means what it says.

iPXE has no quoting. A command line is cut at white space; `||`, `&&` and `;` are commands' joints and `#` begins a
comment where they stand as words of their own; `${name:type}` is replaced wherever it stands. So a word from outside is
either harmless as it is, or refused; only a Setting makes an expansion.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fibrix.errors import InvalidError

_WORD: Final = re.compile(r"[!-~]+")
_JOINTS: Final = frozenset(("||", "&&", ";"))
_SETTING: Final = re.compile(r"[A-Za-z0-9._/-]+(:[a-z0-9]+)?")
_UNSAID: Final = re.compile(r"[^ -~]|[$;#|&]")
_ECHO_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Setting:
    """An expansion: `Setting("netX/mac:hexhyp")` is `${netX/mac:hexhyp}`. Raises InvalidError for any other form."""

    name: str

    def __post_init__(self) -> None:
        """Refuse what iPXE would not take for one setting."""
        if not _SETTING.fullmatch(self.name):
            raise InvalidError(f"{self.name!r} is not the name of an iPXE setting")

    def __str__(self) -> str:
        """As it stands in a script."""
        return "${" + self.name + "}"


def word(*parts: str | Setting) -> str:
    """Join literal parts and settings to one word of a command. Raises InvalidError if it would not stay one."""
    literal = "".join(part for part in parts if isinstance(part, str))
    joined = "".join(str(part) for part in parts)
    settings = sum(isinstance(part, Setting) for part in parts)
    if not _WORD.fullmatch(joined) or joined.count("${") != settings or joined in _JOINTS or joined.startswith("#"):
        shown = literal.partition("=")[0]  # what follows may be a secret
        raise InvalidError(f"{shown!r} or its value cannot be a word in an iPXE script")
    return joined


def words(text: str) -> tuple[str, ...]:
    """Cut arguments, as those of a kernel, at white space. Raises InvalidError if one of them is not harmless."""
    return tuple(word(part) for part in text.split())


def echo(text: str) -> str:
    """A command that shows a line to whoever stands before the machine. What could be taken for more becomes `?`."""
    shown = _UNSAID.sub("?", text)[:_ECHO_CHARACTERS].strip()
    return f"echo {shown.lstrip('-')}".rstrip()  # a word that begins with it would be an option


def script(lines: Sequence[str]) -> str:
    """Put lines under the mark by which iPXE knows a script. Raises InvalidError for a line that is more than one."""
    if broken := [line for line in lines if not line.isprintable()]:
        raise InvalidError(f"an iPXE script cannot hold the line {broken[0]!r}")
    return "\n".join(("#!ipxe", *lines, ""))
