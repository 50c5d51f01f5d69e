"""Taking up what a frame says of a host."""

from dataclasses import dataclass
from typing import Final

from fibrix.domain.census.claims import Claims
from fibrix.domain.census.fingerprints import SWITCH, bmc_evidence, client_kind
from fibrix.domain.census.kinds import bmc_service, kind_of
from fibrix.domain.census.sighting import DhcpClient, Means, Role, Sighting
from fibrix.domain.census.track import Track


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is to be told at once. The rest is noted in the track."""

    roles: tuple[Role, ...] = ()  # that it did not have before
    rivals: tuple[tuple[bytes, Track], ...] = ()  # addresses that another host uses too


NOTHING: Final = Learnt()


def learn(track: Track, sighting: Sighting, claims: Claims, at: int) -> Learnt:
    """Take up all of it."""
    if sighting.means not in track.means:
        track.means = (*track.means, sighting.means)
    if sighting.given_up is not None and claims.give_up(track, sighting.given_up.packed):
        track.lose(sighting.given_up.packed)
    rivals = tuple(_claim(track, sighting, claims, at))
    roles = [*sighting.roles]
    if _describe(track, sighting, at) or sighting.bmc:
        if not track.bmc and (evidence := _evidence(sighting)):
            track.bmc = evidence
            roles.append(Role.BMC)
        _classify(track)
    told = [one for one in roles if take_role(track, one)]
    if sighting.routes is not None and _route(track, sighting.addresses[0].packed, routes=sighting.routes):
        told.append(Role.GATEWAY)
    return Learnt(tuple(told), rivals) if told or rivals else NOTHING


def name_gateway(track: Track) -> bool:
    """Let it be a gateway that others name: what it says itself takes nothing back then. Says whether it is new."""
    track.router = b""
    return take_role(track, Role.GATEWAY)


def _route(track: Track, address: bytes, *, routes: bool) -> bool:
    """Take up whether an address is a router's; says whether the host is a gateway as it never was.

    One that was before is news like others, which are gathered: it may change its mind all the time.
    """
    if routes:
        if not take_role(track, Role.GATEWAY):
            return False
        track.router = address
        if track.resigned:
            track.note("roles")
        return not track.resigned
    if track.router == address:
        track.roles = tuple(one for one in track.roles if one is not Role.GATEWAY)
        track.router, track.resigned = b"", True
        track.note("roles")
    return False


def take_role(track: Track, role: Role) -> bool:
    """Give a host a role; says whether it is new."""
    if role in track.roles:
        return False
    track.roles = (*track.roles, role)
    if role is Role.SWITCH:
        track.note("roles")
    return True


def _claim(track: Track, sighting: Sighting, claims: Claims, at: int) -> list[tuple[bytes, Track]]:
    rivals = []
    for address in sighting.addresses:
        fresh, rival = claims.claim(track, address.packed, at)
        if fresh:
            track.gain(address.packed)
        if rival is not None:
            rivals.append((address.packed, rival))
    return rivals


def _describe(track: Track, sighting: Sighting, at: int) -> bool:
    """Take up its names and what it says that it is; says whether there is anything new about the latter."""
    if sighting.name and track.call(sighting.means, sighting.name, at):
        track.note("names")
    fresh = sighting.client is not None and _introduce(track, sighting.client)
    if sighting.neighbour is not None and sighting.neighbour != track.switch and not _has_better(track, sighting):
        track.switch = sighting.neighbour
        track.note("switch")
        fresh = True
    if sighting.services and track.serve(sighting.services):
        track.note("services")
        fresh = True
    return fresh


def _introduce(track: Track, client: DhcpClient) -> bool:
    """Take up what it says as DHCP client; says whether it says something else than before."""
    if client == track.asked:
        return False
    track.asked = client
    track.client_kind = client_kind(client)  # another step of a boot is another client
    if track.introduce(client):
        track.note("client")
    return True


def _classify(track: Track) -> None:
    if (kind := kind_of(track)) != track.kind:
        track.kind = kind
        track.note("kind")
        if kind == SWITCH:
            take_role(track, Role.SWITCH)


def _has_better(track: Track, sighting: Sighting) -> bool:
    """Whether a device that announces itself by CDP does so by LLDP as well, which tells more."""
    return sighting.means is Means.CDP and Means.LLDP in track.means and track.switch is not None


def _evidence(sighting: Sighting) -> str:
    """How a sighting shows that the host is a BMC; empty: it does not."""
    by_client = "" if sighting.client is None else bmc_evidence(sighting.client)
    return sighting.bmc or by_client or bmc_service(sighting.services)
