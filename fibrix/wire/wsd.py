"""WS-Discovery (OASIS 1.1, and the draft of April 2005 that Windows speaks): what devices tell by UDP port 3702.

SOAP 1.2 in UTF-8 or UTF-16. Of the body it is read what is announced or found: the endpoint's name, its types and
its URLs. A document type declaration is refused at once, so that no entity is ever looked at.
"""

from enum import Enum
from typing import Final, NoReturn
from xml.parsers import expat

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.text import tidy

PORT: Final = 3702
MOST_WORDS: Final = 16
"""How many types, scopes and URLs of one endpoint, and how many endpoints of one message are kept."""

_LONGEST: Final = 16_384  # octets of a message
_DEEPEST: Final = 32  # elements in one another
_MOST_CHARACTERS: Final = 4096  # of text in one element that is read
_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope "
_DISCOVERY: Final = (
    "http://schemas.xmlsoap.org/ws/2005/04/discovery ",
    "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01 ",
)
_ADDRESSING: Final = ("http://schemas.xmlsoap.org/ws/2004/08/addressing ", "http://www.w3.org/2005/08/addressing ")
_BODY: Final = [_SOAP + "Envelope", _SOAP + "Body"]
_ENDPOINTS: Final = frozenset({"Hello", "Bye", "ProbeMatch", "ResolveMatch"})
_LISTS: Final = frozenset({"Types", "Scopes", "XAddrs"})


class Kind(Enum):
    """What a message is: the name of its body's element."""

    HELLO = "Hello"  # a device announces itself
    BYE = "Bye"
    PROBE = "Probe"  # somebody looks for devices
    PROBE_MATCHES = "ProbeMatches"  # a device answers
    RESOLVE = "Resolve"
    RESOLVE_MATCHES = "ResolveMatches"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A device. Texts are printable and short."""

    name: str  # that stays: mostly `urn:uuid:…`
    types: tuple[str, ...] = ()  # without namespaces: "Device", "Computer"
    scopes: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()  # XAddrs


class Message(msgspec.Struct, frozen=True):
    """One message."""

    kind: Kind
    endpoints: tuple[Endpoint, ...]

    @classmethod
    def decode(cls, data: bytes) -> "Message":
        """Read a datagram. Raises MalformedPacketError."""
        if len(data) > _LONGEST:
            raise MalformedPacketError(f"WS-Discovery: {len(data)} octets are too many")
        reader = _Reader()
        try:
            _parser(reader).Parse(data, True)  # noqa: FBT003
        except expat.ExpatError as exc:
            raise MalformedPacketError(f"WS-Discovery: {exc}") from None
        if reader.kind is None:
            raise MalformedPacketError("WS-Discovery: no such message in a SOAP body")
        return cls(reader.kind, tuple(reader.endpoints))


class _Reader:
    """Follows the parser."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self.endpoints: list[Endpoint] = []
        self._path: list[str] = []
        self._words: dict[str, tuple[str, ...]] = {}
        self._text: list[str] = []
        self._size = 0

    def start(self, element: str, _attributes: dict[str, str]) -> None:
        """Follow into an element."""
        if len(self._path) >= _DEEPEST:
            raise MalformedPacketError("WS-Discovery: elements too deep in one another")
        name = _local(element)
        if self._path == _BODY:
            self._begin_body(name)
        if name in _ENDPOINTS:
            self._words = {}
        self._path.append(element)
        self._text, self._size = [], 0

    def _begin_body(self, name: str) -> None:
        if self.kind is not None or name not in _KINDS:
            raise MalformedPacketError(f"WS-Discovery: {tidy(name, 40)!r} in the body")
        self.kind = _KINDS[name]

    def characters(self, characters: str) -> None:
        """Take in text."""
        self._size += len(characters)
        if self._size > _MOST_CHARACTERS:
            raise MalformedPacketError("WS-Discovery: a text that is too long")
        self._text.append(characters)

    def end(self, element: str) -> None:
        """Keep what is in an element."""
        self._path.pop()
        name = _local(element)
        if name in _LISTS:
            self._words.setdefault(name, tuple(tidy(word) for word in "".join(self._text).split()[:MOST_WORDS]))
        elif element.endswith(" Address") and element.startswith(_ADDRESSING):
            self._words.setdefault("Address", (tidy("".join(self._text)),))
        elif name in _ENDPOINTS and self.kind is not None and len(self.endpoints) < MOST_WORDS:
            self._keep()
        self._text, self._size = [], 0

    def _keep(self) -> None:
        name = self._words.get("Address", ("",))[0]
        if not name:
            raise MalformedPacketError("WS-Discovery: an endpoint without an address")
        types = tuple(word.rpartition(":")[2] for word in self._words.get("Types", ()))
        scopes, urls = self._words.get("Scopes", ()), self._words.get("XAddrs", ())
        self.endpoints.append(Endpoint(name=name, types=types, scopes=scopes, urls=urls))


def _parser(reader: _Reader) -> expat.XMLParserType:
    # An encoding that is given overrides the document's, which would be looked up among Python's.
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    return parser


_KINDS: Final = {kind.value: kind for kind in Kind}


def _local(element: str) -> str:
    """The name of one of WS-Discovery's elements; of others: nothing."""
    return element.rpartition(" ")[2] if element.startswith(_DISCOVERY) else ""


def _refuse(*_: object) -> NoReturn:
    raise MalformedPacketError("WS-Discovery: a document type declaration")
