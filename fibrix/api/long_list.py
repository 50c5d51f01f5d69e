"""Lists that are too long to be held: read some items at a time, of which only the page that is asked for is kept.

A list in the order of its key is read from the page's place on, and only as far as the page goes; any other one whole.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec

from fibrix.api.listing import ListQuery, Page, Shown, answer, fitting, ordering_of, selection_of
from fibrix.api.lists.order import Order
from fibrix.api.route import Encoded, Reply
from fibrix.runtime.clock import utc_now

T = TypeVar("T", bound=msgspec.Struct)

Views = AsyncGenerator[Sequence[T], None]
Read = Callable[[str], Views[T]]
"""Reads views by key, from behind a key on."""
Again = Callable[[Sequence[str]], Awaitable[Sequence[T]]]
"""Reads the views of these keys, in any order; one that is gone by now is left out."""


async def long_listing(
    kind: type[T], read: Read[T], again: Again[T], query: ListQuery, key: Callable[[T], str]
) -> Reply[Encoded[Page[T]]]:
    """Answer a list of views of one kind, as the query wants it. Raises InvalidError, and what reading raises."""
    fits = fitting(kind, query, utc_now())
    order = ordering_of(kind, query.sort, key)
    selection = selection_of(kind, query)
    after = order.begin(query.after)

    async def chosen(start: str) -> Views[T]:
        async with aclosing(read(start)) as pages:
            async for page in pages:
                yield [view for view in page if fits is None or fits(view)]

    most = query.limit + 1  # one more says that there are more
    if order.by_key:
        views = await _first(chosen(after[-1] if after else ""), most)
        more = len(views) == most
    else:
        keys = await _least(chosen(""), order, after, key, most)
        found = {key(view): view for view in await again(keys)}
        views, more = [found[each] for each in keys if each in found], len(keys) == most
    page = views[: query.limit]
    cursor = order.cursor(page[-1]) if more and page else ""
    return answer([Shown(view) for view in page], cursor, query, selection)


async def _first(pages: Views[T], most: int) -> list[T]:
    """Take the first ones."""
    views: list[T] = []
    async with aclosing(pages):
        async for page in pages:
            views += page[: most - len(views)]
            if len(views) == most:
                break
    return views


async def _least(
    pages: Views[T], order: Order[T], after: tuple[Any, ...] | None, key: Callable[[T], str], most: int
) -> list[str]:
    """Find the keys of the first ones behind a place, in order."""
    least: list[tuple[tuple[Any, ...], str]] = []
    async with aclosing(pages):
        async for page in pages:
            placed = [(order.place(view), key(view)) for view in page]
            least = sorted([*least, *(each for each in placed if after is None or each[0] > after)])[:most]
    return [found for _, found in least]
