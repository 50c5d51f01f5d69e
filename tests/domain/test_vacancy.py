"""Addresses that nobody has, and what becomes of those that someone sits on."""

from dataclasses import dataclass, field

from fibrix.domain.binding import SECOND_US, BindingState, Client
from fibrix.domain.lease import Leases
from fibrix.domain.vacancy import occupy, sits, vacant
from fibrix.types import MacAddress
from tests.services.dhcp.rack import MAC, OTHER, RACK, ip

ADDRESS = int(ip("10.77.0.101"))
SQUATTER = MacAddress("52:54:00:99:00:01")
NOW = 1_800_000_000 * SECOND_US


@dataclass
class Book:
    """Leases and a clock; leases last 600 s, offers 30 s, a rest 600 s."""

    leases: Leases = field(default_factory=lambda: Leases((), offer_s=30, decline_s=600))
    now: int = NOW

    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND_US

    def bind(self, mac: MacAddress = MAC) -> None:
        self.leases.grant(RACK, Client(mac), ADDRESS, "", self.now)

    def vacant(self) -> bool:
        return vacant(self.leases, ADDRESS, self.now)

    def occupy(self, mac: MacAddress = SQUATTER) -> bool:
        return occupy(self.leases, RACK, ADDRESS, mac, self.now) is not None


def test_an_address_is_vacant_unless_it_is_offered_or_leased() -> None:
    book = Book()
    assert book.vacant()
    book.leases.offer(RACK, Client(MAC), ADDRESS, book.now)
    assert not book.vacant()
    book.wait(30)
    assert book.vacant()
    book.bind()
    assert not book.vacant()
    book.wait(600)
    assert book.vacant()


def test_a_vacant_address_that_someone_sits_on_rests_and_nobody_gets_it() -> None:
    book = Book()
    assert book.occupy()
    binding = book.leases.at(ADDRESS)
    assert binding is not None
    assert (binding.state, binding.mac) == (BindingState.DECLINED, SQUATTER)
    assert "it rests until" in book.leases.refusal(RACK, Client(OTHER), ADDRESS, book.now)
    assert not book.vacant()


def test_an_address_in_use_is_left_to_who_has_it_whoever_answers() -> None:
    book = Book()
    book.bind()
    assert not book.occupy()
    book.leases.offer(RACK, Client(OTHER), ADDRESS + 1, book.now)
    assert occupy(book.leases, RACK, ADDRESS + 1, SQUATTER, book.now) is None


def test_a_machine_that_still_uses_the_address_that_it_had_does_not_sit_on_it() -> None:
    book = Book()
    book.bind()
    book.wait(700)
    assert not book.occupy(MAC)
    assert book.leases.offer(RACK, Client(MAC), None, book.now).number == ADDRESS
    book.wait(31)  # it does not take it up
    assert book.occupy(SQUATTER)


def test_an_address_is_looked_for_again_before_its_rest_ends_and_rests_on_while_it_is_sat_on() -> None:
    book = Book()
    assert not sits(book.leases, ADDRESS, SQUATTER, book.now)
    book.occupy()
    book.wait(539)
    assert not book.vacant()
    book.wait(2)
    assert book.vacant()
    assert sits(book.leases, ADDRESS, SQUATTER, book.now)
    assert not sits(book.leases, ADDRESS, OTHER, book.now)
    assert book.occupy()
    book.wait(539)
    assert not book.vacant()
    book.wait(61)
    assert book.vacant()
    assert not sits(book.leases, ADDRESS, SQUATTER, book.now)


def test_a_machine_whose_lease_was_lost_with_the_store_may_keep_the_address_that_it_was_found_on() -> None:
    book = Book()
    assert book.occupy(MAC)
    assert book.leases.refusal(RACK, Client(OTHER), ADDRESS, book.now) != ""
    book.leases.shift(3600 * SECOND_US)  # the clock is set meanwhile
    book.wait(3600)
    assert book.leases.refusal(RACK, Client(MAC), ADDRESS, book.now) == ""
    assert book.leases.offer(RACK, Client(MAC), ADDRESS, book.now).number == ADDRESS
    book.bind()
    binding = book.leases.at(ADDRESS)
    assert binding is not None
    assert binding.state is BindingState.BOUND


def test_a_machine_that_declined_an_address_does_not_get_it_as_long_as_it_rests() -> None:
    book = Book()
    book.bind()
    assert book.leases.decline(RACK, MAC, ADDRESS, book.now) is not None
    assert book.leases.refusal(RACK, Client(MAC), ADDRESS, book.now) != ""
