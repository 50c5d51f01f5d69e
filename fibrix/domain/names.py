"""Names that Fibrix gives: ids, and two words for a machine that nobody named."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from fibrix.errors import InvalidError

_ADJECTIVES: Final = (
    "able agile amber ample apt bold brave brisk calm clear crisp deft eager early even fair fast fine firm fond "
    "frank free fresh glad good grand hardy high honest jolly just keen kind lively loyal lucid lucky merry mild neat "
    "nimble noble plain polite prime proud pure quick quiet rapid ready regal sharp sleek smart solid sound spry "
    "steady stout strong sunny sure swift tidy trim true vivid warm wise witty young"
).split()
_ANIMALS: Final = (
    "adder badger bear beaver bison bream camel carp cat civet cobra cod condor crab crane crow deer dove duck eagle "
    "eel elk falcon ferret finch fox frog gecko goat goose gull hare hawk heron hornet horse hound ibex jay koala lark "
    "lemur lion llama lynx marten mink mole moose moth mouse newt ocelot orca oryx otter owl ox panda perch pike pony "
    "puma quail rabbit raven robin salmon seal shark shrew skunk sloth snail spider squid stoat stork swan tapir tiger "
    "toad trout turtle viper vole walrus wasp weasel whale wolf wombat wren yak zebra"
).split()
_HOST_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_MOST_TAGS: Final = 64
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # base 32 as Crockford wrote it: no i, l, o, u to misread


def opaque_id(prefix: str, draw: Callable[[int], int]) -> str:
    """Make an id: the prefix and 9 base-32 digits (45 bits). `draw(n)` gives a number below n."""
    return prefix + "".join(_DIGITS[draw(32)] for _ in range(9))


def two_words(draw: Callable[[int], int]) -> str:
    """Make a machine name, one of about 9,000. `draw(n)` gives a number below n."""
    return f"{_ADJECTIVES[draw(len(_ADJECTIVES))]}-{_ANIMALS[draw(len(_ANIMALS))]}"


def check_host_name(name: str, *, pointer: str = "/name") -> str:
    """Refuse what cannot be one label of a host name (RFC 1123 §2.1, in lower case). Raises InvalidError."""
    if not _HOST_NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a host name: use 1 to 63 of a-z, 0-9 and -, not at its ends", pointer=pointer
        )
    return name


def check_label(name: str, *, pointer: str) -> str:
    """Refuse what cannot name a pool, a zone or a tag. Raises InvalidError."""
    if not _LABEL.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a name here: use 1 to 63 of a-z, 0-9, dot, - and _, not the latter three at its ends",
            pointer=pointer,
        )
    return name


def check_tags(tags: Iterable[str], *, pointer: str = "/tags") -> tuple[str, ...]:
    """Sort tags and drop those that are named twice. Raises InvalidError for one that cannot be, or for too many."""
    made = tuple(sorted({check_label(tag, pointer=f"{pointer}/{i}") for i, tag in enumerate(tags)}))
    if len(made) > _MOST_TAGS:
        raise InvalidError(f"{len(made)} tags are too many: a machine has {_MOST_TAGS} at most", pointer=pointer)
    return made
