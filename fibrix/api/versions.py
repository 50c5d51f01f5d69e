"""ETags: which version of a thing a client has, and which one it wants to change (RFC 9110 §8.8, §13)."""

from hashlib import blake2b
from typing import Final

from aiohttp import web
from aiohttp.hdrs import IF_NONE_MATCH

from fibrix.errors import PreconditionError, UnconditionalError

_GZIP: Final = "-gzip"  # bytes that differ have a tag that differs, but they are the same version
_UNSAFE: Final = frozenset({"PUT", "PATCH"})


def etag_of(body: bytes) -> str:
    """Make the tag of an answer, without its quotes."""
    return blake2b(body, digest_size=12).hexdigest()


def quoted(tag: str, *, compressed: bool) -> str:
    """Write a tag as a header has it."""
    return f'"{tag}{_GZIP}"' if compressed else f'"{tag}"'


def is_known(request: web.Request, tag: str) -> bool:
    """Tell whether the client has this version already: If-None-Match (RFC 9110 §13.1.2)."""
    header = request.headers.get(IF_NONE_MATCH)
    return header is not None and (header.strip() == "*" or tag in _tags(header))


def wants_check(request: web.Request) -> bool:
    """Tell whether the present version must be looked at before a change. Raises UnconditionalError."""
    header = request.headers.get("If-Match")
    if header is None and request.method in _UNSAFE:
        raise UnconditionalError(
            "this change must name the version that it is made for: send the ETag of what you read in If-Match, or `*`"
        )
    return header is not None and header.strip() != "*"


def check_match(request: web.Request, tag: str) -> None:
    """Refuse a change of something that has changed: If-Match (RFC 9110 §13.1.1). Raises PreconditionError."""
    if tag not in _tags(request.headers.get("If-Match", "")):
        raise PreconditionError(
            "it is no longer what you read: get it again, see what changed, and send the change with its new ETag"
        )


def _tags(header: str) -> frozenset[str]:
    """Read a list of tags. A weak one is another than every strong one; those of compressed answers count as plain."""
    tags = (word.strip() for word in header.split(","))
    return frozenset(tag.strip('"').removesuffix(_GZIP) for tag in tags if not tag.startswith("W/"))
