"""Lists as the API answers them: `listing(View, views, call.query, key)` is all that a noun needs.

A noun's route takes `ListQuery` (or a struct on top of it, with short cuts of its own) and gives
`Reply[Encoded[Page[View]]]`. Filter, sort and fields look at the views, so that what the caller's view leaves out can
neither be filtered nor sorted by. What is read page by page from the database takes `PageQuery`, and gives `Page`.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from fibrix.api import versions
from fibrix.api.lists.grammar import parse
from fibrix.api.lists.match import Fits, matcher
from fibrix.api.lists.order import Order
from fibrix.api.lists.select import Selection
from fibrix.api.lists.shape import shape_of
from fibrix.api.route import Encoded, Reply
from fibrix.runtime.clock import utc_now

T = TypeVar("T", bound=msgspec.Struct)
S = TypeVar("S")

MOST: Final = 1000
"""So many items a page has at most."""

PageLimit = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
"""How many items at most."""


def _words(description: str, *examples: str) -> msgspec.Meta:
    return msgspec.Meta(description=description, examples=list(examples))


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page."""

    limit: PageLimit = MOST
    after: Annotated[str, _words("The `next` of the page before; empty: the first page", "")] = ""


class ListQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Which items, in which order, and which of their fields."""

    filter: Annotated[str, _words("Which items: conditions that must all hold (docs/lists.md)", "name~a|b")] = ""
    sort: Annotated[str, _words("Names of fields, - before those that go down; null comes last", "-name")] = ""
    fields: Annotated[str, _words("Names of the fields to give; empty: all", "name")] = ""


class Page(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """A part of a list; `next` goes into the query's `after` to get what follows. Empty: this is the end."""

    items: Sequence[S]
    next: str


class Shown(Generic[T]):
    """A view with its JSON and the entity tag of that, which are made when they are first asked for."""

    __slots__ = ("_data", "_tag", "view")

    def __init__(self, view: T) -> None:
        self.view = view
        self._data = b""
        self._tag = ""

    @property
    def data(self) -> bytes:
        """Its JSON."""
        if not self._data:
            self.make()
        return self._data

    @property
    def tag(self) -> str:
        """The entity tag of its JSON."""
        if not self._data:
            self.make()
        return self._tag

    def make(self) -> None:
        """Make both, unless that was done."""
        if not self._data:
            self._data = msgspec.json.encode(self.view)
            self._tag = versions.etag_of(self._data)


def listing(
    kind: type[T],
    views: Iterable[T],
    query: ListQuery,
    key: Callable[[T], str],
    *,
    order: str = "",
    now: Callable[[], datetime] = utc_now,
) -> Reply[Encoded[Page[T]]]:
    """Answer a list of views of one kind, as the query wants it.

    `key` gives what no two of them have in common, for life: it is what a list is ordered by when all else is the same.
    `order` is the order unless the query sorts: `-created_at`; empty: by key. Raises InvalidError.
    """
    fits = fitting(kind, query, now())
    ordering = ordering_of(kind, query.sort or order, key)
    chosen = [view for view in views if fits is None or fits(view)]
    views, cursor = cut(ordering.put(chosen), query, ordering, Shown)
    return answer([Shown(view) for view in views], cursor, query, selection_of(kind, query))


def fitting(kind: type[msgspec.Struct], query: ListQuery, now: datetime) -> Fits | None:
    """Make the test that views must pass; None: all do. Raises InvalidError."""
    terms = parse(query.filter)
    return matcher(terms, shape_of(kind), now) if terms else None


def ordering_of(kind: type[T], sort: str, key: Callable[[T], str]) -> Order[T]:
    """Make the order of a list. Raises InvalidError."""
    return Order(sort, shape_of(kind), key)


def selection_of(kind: type[msgspec.Struct], query: ListQuery) -> Selection | None:
    """Make the choice of fields; None: all. Raises InvalidError."""
    return Selection(query.fields, shape_of(kind)) if query.fields.strip() else None


def cut(
    ordered: Sequence[Any], query: ListQuery, order: Order[T], shown: Callable[[Any], Shown[T]]
) -> tuple[Sequence[Any], str]:
    """Cut the page that a query asks for out of a list in order; gives its members, and the cursor to the next one.

    `shown` gives what is shown for a member. Raises InvalidError.
    """
    start = order.rest(ordered, query.after, lambda each: shown(each).view)
    members = ordered[start : start + query.limit]
    more = start + query.limit < len(ordered)
    return members, order.cursor(shown(members[-1]).view) if more else ""


def answer(
    items: Sequence[Shown[T]], cursor: str, query: PageQuery, selection: Selection | None = None
) -> Reply[Encoded[Page[T]]]:
    """Answer with a page: its JSON is put together from that of its items, its tag from their tags."""
    if selection is None:
        parts = [item.data for item in items]
        tag = versions.etag_of("".join([*(item.tag for item in items), cursor]).encode())
    else:
        parts = [msgspec.json.encode(selection.take(item.view)) for item in items]
        tag = ""
    data = b'{"items":[' + b",".join(parts) + b'],"next":' + msgspec.json.encode(cursor) + b"}"
    return Reply(Encoded(data, tag), headers=link(query, cursor))


def link(query: PageQuery, cursor: str) -> dict[str, str]:
    """Link to the next page (RFC 8288), by a reference that is relative to this one (RFC 3986 §5.3)."""
    if not cursor:
        return {}
    given, plain = msgspec.to_builtins(query), _defaults(type(query))
    words = {name: _word(value) for name, value in given.items() if value != plain[name]} | {"after": cursor}
    return {"Link": f'<?{urlencode(words)}>; rel="next"'}


@lru_cache(maxsize=64)
def _defaults(kind: type[msgspec.Struct]) -> dict[str, object]:
    """What a query says when nothing was said."""
    defaults: dict[str, object] = msgspec.to_builtins(kind())
    return defaults


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
