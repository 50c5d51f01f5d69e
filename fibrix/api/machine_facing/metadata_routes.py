"""The metadata service: what an installed system reads about itself, and its report (cloud-init's NoCloud by HTTP)."""

from typing import Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from fibrix.api.machine_facing.body import read
from fibrix.domain.cloud_init import meta_data, user_data
from fibrix.domain.machine import Deployment, Machine
from fibrix.domain.ports.agents import Metadata
from fibrix.errors import InvalidError, NotFoundError

PREFIX: Final = "/metadata/v1"

REPORT_BYTES: Final = 16 * 1024
_FIELDS: Final = 32

_SECRET: Final = "{secret:[A-Za-z0-9_-]{1,128}}"  # noqa: S105  # a pattern of the path

log = structlog.get_logger()


class MetadataRoutes:
    """Answers installed systems by the secret in their URL, never by where they are."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self.refused = 0  # requests with a secret that no deployment has

    def routes(self) -> list[web.RouteDef]:
        """All routes, named so that a log can tell them without their path."""
        base = f"{PREFIX}/{_SECRET}"
        return [
            web.get(f"{base}/meta-data", self._meta_data, name="metadata.meta-data"),
            web.get(f"{base}/user-data", self._user_data, name="metadata.user-data"),
            web.get(f"{base}/vendor-data", self._vendor_data, name="metadata.vendor-data"),
            web.post(f"{base}/report", self._report, name="metadata.report"),
        ]

    async def _meta_data(self, request: web.Request) -> web.Response:
        return _text(meta_data(*self._instance(request)))

    async def _user_data(self, request: web.Request) -> web.Response:
        return _text(user_data(*self._instance(request), _base_url(request)))

    async def _vendor_data(self, request: web.Request) -> web.Response:
        self._instance(request)
        return _text(b"")

    async def _report(self, request: web.Request) -> web.Response:
        self._instance(request)  # before the body is read: a stranger is not listened to
        form = _form(await read(request, limit=REPORT_BYTES))
        await self._metadata.report(request.match_info["secret"], form.get("hostname", ""), form)
        return _text(b"")

    def _instance(self, request: web.Request) -> tuple[Machine, Deployment]:
        try:
            return self._metadata.instance(request.match_info["secret"])
        except NotFoundError as exc:
            self.refused += 1
            raise NotFoundError("no deployment has this metadata URL") from exc


def _form(body: bytes) -> dict[str, str]:
    """A form as browsers encode it. Raises InvalidError."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError as exc:
        raise InvalidError(f"the report is no form of at most {_FIELDS} fields in UTF-8") from exc


def _base_url(request: web.Request) -> str:
    """The deployment's URL at the address that the machine reached us by, whatever its Host header says."""
    address, port = request.get_extra_info("sockname")[:2]
    return f"http://{address}:{port}{PREFIX}/{request.match_info['secret']}/"


def _text(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="text/plain", charset="utf-8")
