"""HTTP boot on every subnet whose machines boot from here: scripts for iPXE, kernels, initrds and images."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv4Address
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from fibrix.bus import Bus
from fibrix.domain.boot_menu import plan
from fibrix.domain.network import Subnet
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import InvalidError, ListenError
from fibrix.events.rack import BootAsked
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.runtime.files import BootFiles
from fibrix.runtime.listen import listening_on
from fibrix.services.httpboot.download import DownloadLimits, Downloads
from fibrix.services.httpboot.engine import Asker, machine_script, start_script

log = structlog.get_logger()

_CHECK_S: Final = 2.0  # how often an address that is not there is tried
_STOP_S: Final = 2.0  # for downloads to end by themselves when the service ends


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBootSettings:
    """Where to listen, and how patiently."""

    port: int = 5248  # TCP
    idle_s: float = 30.0  # a connection without a request is closed after this
    limits: DownloadLimits = field(default_factory=DownloadLimits)


class HttpBootService:
    """Serves `/boot/…` and `/images/…` on the own address of each subnet whose machines boot from here."""

    name = "httpboot"

    def __init__(
        self,
        rack: Cell[RackSnapshot],
        boot_files: BootFiles,
        image_files: BootFiles,
        bus: Bus,
        settings: HttpBootSettings,
    ) -> None:
        self.downloads = Downloads(bus, settings.limits)
        self.closed: dict[str, str] = {}  # addresses that should be served and are not, with the reason
        self._rack = rack
        self._boot_files = boot_files
        self._image_files = image_files
        self._bus = bus
        self._settings = settings
        self._asked: set[web.RequestHandler] = set()  # connections on which at least one request came

    async def run(self, ready: asyncio.Event) -> None:
        """Listen wherever the newest snapshot says, until cancelled. `ready` once each address was tried."""
        runner = web.AppRunner(
            self._application(),
            access_log=None,  # a query may be anyone's, and a script holds a token
            keepalive_timeout=self._settings.idle_s,
            shutdown_timeout=_STOP_S,
        )
        await runner.setup()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._close_idle(runner), name="httpboot idle")
                await self._listen(runner, ready)
        finally:
            await runner.cleanup()
            self.downloads.pump.close()

    @web.middleware
    async def _note_asked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._asked.add(request.protocol)
        return await handler(request)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._note_asked])
        application.add_routes(
            [
                web.get("/boot/start.ipxe", self._start),
                web.get("/boot/script", self._script),
                web.get("/boot/files/{name:.+}", self._boot_file),
                web.get("/images/{name:.+}", self._image_file),
            ]
        )
        return application

    async def _listen(self, runner: web.AppRunner, ready: asyncio.Event) -> None:
        """Open and close addresses as the snapshot says; one that is missing is tried again."""
        sites: dict[IPv4Address, web.TCPSite] = {}
        while True:
            wanted = {subnet.address: subnet for subnet in self._rack.value.subnets if subnet.boots}
            for gone in sites.keys() - wanted.keys():
                await sites.pop(gone).stop()
            for gone_too in self.closed.keys() - {str(address) for address in wanted}:
                del self.closed[gone_too]
            for new in wanted.keys() - sites.keys():
                site = await self._open(runner, wanted[new])
                if site:
                    sites[new] = site
            ready.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_S):
                    await self._rack.changed()

    async def _open(self, runner: web.AppRunner, subnet: Subnet) -> web.TCPSite | None:
        """Listen on a subnet's own address; None, and the reason in `closed`, where that cannot be."""
        address, port = str(subnet.address), self._settings.port
        site = web.TCPSite(runner, address, port, reuse_address=True)
        try:
            with listening_on(subnet, port):
                await site.start()
        except ListenError as exc:
            await site.stop()
            if self.closed.get(address) != str(exc):
                log.warning("httpboot.not_serving", address=address, reason=str(exc), retry_s=_CHECK_S)
            self.closed[address] = str(exc)
            return None
        self.closed.pop(address, None)
        log.info("httpboot.listening", subnet=subnet.name, address=address, port=port)
        return site

    async def _close_idle(self, runner: web.AppRunner) -> None:
        """Close what connected and never asked: aiohttp waits for a first request without end."""
        former: set[web.RequestHandler] = set()
        while True:
            await asyncio.sleep(self._settings.idle_s)
            connections = set(runner.server.connections) if runner.server else set()
            self._asked &= connections
            for silent in (connections & former) - self._asked:
                silent.force_close()
            former = connections

    def _subnet(self, request: web.Request) -> Subnet:
        """The subnet whose address the client came to; of those that share it, its own.

        Raises HTTPNotFound when it is served no more.
        """
        address = IPv4Address(request.transport.get_extra_info("sockname")[0]) if request.transport else None
        here = [subnet for subnet in self._rack.value.subnets if subnet.boots and subnet.address == address]
        client = IPv4Address(str(request.remote)) if here else None
        here.sort(key=lambda subnet: (client not in subnet.network, subnet.relayed))
        if here:
            return here[0]
        raise web.HTTPNotFound(text="this subnet is not served\n")

    def _boot_url(self, subnet: Subnet) -> str:
        return f"http://{subnet.address}:{self._settings.port}/boot/"

    async def _start(self, request: web.Request) -> web.Response:
        return _script_response(start_script(self._boot_url(self._subnet(request))))

    async def _script(self, request: web.Request) -> web.Response:
        """Make the script for one machine, and tell that it asked."""
        subnet = self._subnet(request)
        try:
            asker = Asker.read(request.query)
        except InvalidError as exc:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"{exc}\n")
        chosen = plan(self._rack.value, subnet, asker.mac)
        try:
            text = machine_script(chosen, self._boot_url(subnet), uefi=asker.uefi)
        except InvalidError as exc:
            log.warning("script.impossible", mac=asker.mac, reason=str(exc))
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text=f"{exc}\n")
        self._bus.publish(
            BootAsked(
                at=utc_now(),
                mac=asker.mac,
                address=IPv4Address(str(request.remote)),
                subnet=subnet.name,
                action=chosen.action,
                known=chosen.known,
                uefi=asker.uefi,
                uuid=asker.uuid,
                manufacturer=asker.manufacturer,
                product=asker.product,
                serial=asker.serial,
            )
        )
        return _script_response(text)

    async def _boot_file(self, request: web.Request) -> web.StreamResponse:
        return self.downloads.answer(request, self._boot_files, request.match_info["name"])

    async def _image_file(self, request: web.Request) -> web.StreamResponse:
        return self.downloads.answer(request, self._image_files, request.match_info["name"])


def _script_response(text: str) -> web.Response:
    """A script is for one machine and one moment: nothing in between may keep it."""
    return web.Response(text=text, headers={hdrs.CACHE_CONTROL: "no-store"})
