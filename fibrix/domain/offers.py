"""Offered addresses: held for a while for who may ask for them."""

from collections import OrderedDict
from typing import Final

import msgspec

from fibrix.types import MacAddress

_REMEMBERED: Final = 4_096  # offers that were taken back early, kept in mind until they would have lapsed


class Offer(msgspec.Struct, frozen=True, gc=False):
    """An address that is held for a machine until it asks for it, or `until_us`."""

    number: int
    subnet: str
    mac: MacAddress
    until_us: int
    stranger: bool  # the machine is not known: others come first


class Offers:
    """At most one offer per address, and one per machine and subnet. All hold for the same time: oldest first."""

    def __init__(self) -> None:
        self._by_number: OrderedDict[int, Offer] = OrderedDict()  # a dict would search for its first one
        self._by_client: dict[tuple[str, MacAddress], Offer] = {}
        self._strangers: dict[str, OrderedDict[int, None]] = {}  # by subnet, in order of age
        self._taken_back: OrderedDict[tuple[str, MacAddress], Offer] = OrderedDict()

    def get(self, number: int) -> Offer | None:
        """Whom an address is offered to."""
        return self._by_number.get(number)

    def of(self, client: tuple[str, MacAddress]) -> Offer | None:
        """What a machine is offered in a subnet, by both of their names."""
        return self._by_client.get(client)

    def within(self, subnet: str) -> list[int]:
        """The addresses of a subnet that are offered."""
        return [offer.number for offer in self._by_number.values() if offer.subnet == subnet]

    def was_offered(self, subnet: str, mac: MacAddress, number: int, now_us: int) -> bool:
        """Whether a machine was offered this address, and another one needed it before the time was over."""
        offer = self._taken_back.get((subnet, mac))
        return offer is not None and offer.number == number and offer.until_us > now_us

    def to_strangers(self, subnet: str) -> int:
        """How many addresses of a subnet are offered to machines that are not known."""
        return len(self._strangers.get(subnet, ()))

    def add(self, offer: Offer) -> None:
        """Hold an address that is offered to nobody."""
        self._by_number[offer.number] = offer
        self._by_client[offer.subnet, offer.mac] = offer
        self._taken_back.pop((offer.subnet, offer.mac), None)
        if offer.stranger:
            self._strangers.setdefault(offer.subnet, OrderedDict())[offer.number] = None

    def drop(self, offer: Offer) -> None:
        """Hold it no longer."""
        del self._by_number[offer.number]
        del self._by_client[offer.subnet, offer.mac]
        if offer.stranger:
            del self._strangers[offer.subnet][offer.number]

    def take_back(self, subnet: str) -> Offer | None:
        """Drop the oldest offer to a stranger, and give it. It keeps its word if the address is still free then."""
        number = next(iter(self._strangers.get(subnet, ())), None)
        if number is None:
            return None
        offer = self._by_number[number]
        self.drop(offer)
        self._taken_back[subnet, offer.mac] = offer
        if len(self._taken_back) > _REMEMBERED:
            self._taken_back.popitem(last=False)
        return offer

    def lapsed(self, now_us: int) -> list[Offer]:
        """Drop those whose time is over, and give them."""
        gone: list[Offer] = []
        for offer in self._by_number.values():
            if offer.until_us > now_us:
                break
            gone.append(offer)
        for offer in gone:
            self.drop(offer)
        return gone

    def shift(self, by_us: int) -> None:
        """Move all of them on a clock that was set."""
        for offer in list(self._by_number.values()):
            self.drop(offer)
            self.add(Offer(offer.number, offer.subnet, offer.mac, offer.until_us + by_us, offer.stranger))
        self._taken_back.clear()
