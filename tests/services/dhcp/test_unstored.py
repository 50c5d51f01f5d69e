"""What waits for the disk: the newest outcome of each address, and every move."""

from typing import cast

from fibrix.domain.binding import Binding, BindingState
from fibrix.services.dhcp.endpoint import Endpoint
from fibrix.services.dhcp.outcome import Outcome, Verdict
from fibrix.services.dhcp.unstored import Unstored
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.options import MessageType
from tests.services.dhcp.rack import MAC, OTHER

HERE = cast(Endpoint, None)  # only handed on


def bound(number: int, mac: MacAddress = MAC, left: int = 0, since_us: int = 1) -> Outcome:
    binding = Binding(
        number=number, subnet="rack", mac=mac, state=BindingState.BOUND, since_us=since_us, until_us=9, left=left
    )
    return Outcome(mac=mac, xid=number, kind=MessageType.REQUEST, verdict=Verdict.ACKNOWLEDGED, binding=binding)


def waiting(*outcomes: Outcome) -> Unstored:
    unstored = Unstored()
    for outcome in outcomes:
        assert outcome.binding is not None
        unstored.add(outcome.binding.number, HERE, outcome)
    return unstored


def test_the_newest_of_each_address_is_stored_and_answered() -> None:
    batch = waiting(bound(1), bound(2, OTHER), bound(1, since_us=5)).take()
    assert [outcome for _, outcome in batch.outcomes] == [bound(1, since_us=5), bound(2, OTHER)]
    assert list(batch.bindings) == [bound(1, since_us=5).binding, bound(2, OTHER).binding]


def test_each_move_is_stored_though_another_machine_has_the_address_by_then() -> None:
    batch = waiting(bound(1, left=7), bound(1, OTHER, left=8), bound(1)).take()
    assert [outcome for _, outcome in batch.outcomes] == [bound(1)]
    assert [binding.left for binding in batch.bindings] == [7, 8, 0]


def test_a_batch_that_failed_is_given_up_but_not_how_far_the_clock_was_set() -> None:
    unstored = waiting(bound(1, left=7), bound(1))
    unstored.shift(100)
    batch = unstored.take()
    assert ([binding.since_us for binding in batch.bindings], batch.shift_us, len(unstored)) == ([101, 101], 100, 1)
    unstored.shift(10)
    unstored.failed()
    assert (len(unstored), unstored.take().shift_us) == (0, 110)
    unstored.stored()
    assert unstored.take().shift_us == 0
