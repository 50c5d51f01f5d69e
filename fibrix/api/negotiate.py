"""Media types and compression, as far as this API needs them (RFC 9110 §8.3, §12.5)."""

from typing import Final

from aiohttp import web
from aiohttp.hdrs import ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE

from fibrix.api.problems import MEDIA_TYPE

COMPRESS_BYTES: Final = 2048
"""A body shorter than this is not worth the time."""


def check_accept(request: web.Request, media: str) -> None:
    """Refuse a client that cannot take what the route gives. Raises HTTPNotAcceptable."""
    header = request.headers.get(ACCEPT)
    if header is None or "*/*" in header:
        return
    wide = media.partition("/")[0] + "/*"
    for part in header.split(","):
        kind, _, parameters = part.strip().partition(";")
        if kind.strip().lower() in {media, wide} and parameters.replace(" ", "") != "q=0":
            return
    raise web.HTTPNotAcceptable(text=f"this gives {media}, and its refusals {MEDIA_TYPE}: accept these")


def check_content(request: web.Request, media: str) -> None:
    """Refuse a body that is not what the route takes. One without a type is taken for it. Raises HTTP 415."""
    header = request.headers.get(CONTENT_TYPE)
    if header is None or not request.body_exists:
        return
    kind = header.partition(";")[0].strip().lower()
    if kind != media:
        raise web.HTTPUnsupportedMediaType(text=f"the body is {kind}: send {media}, and say so in Content-Type")


def compress(request: web.Request, response: web.Response) -> bool:
    """Compress a body that is worth it for a client that takes it; tells whether it did."""
    body = response.body
    if not isinstance(body, bytes) or len(body) < COMPRESS_BYTES:
        return False
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" not in request.headers.get(ACCEPT_ENCODING, ""):
        return False
    response.enable_compression(web.ContentCoding.gzip)
    return True
