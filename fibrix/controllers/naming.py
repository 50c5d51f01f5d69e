"""A name for a machine that nobody named."""

from collections.abc import Callable

from fibrix.controllers.ports import Store
from fibrix.domain.names import two_words


def free_name(store: Store, draw: Callable[[int], int]) -> str:
    """Draw two words that no machine has; after twenty vain draws, with a number behind."""
    taken = {m.name for m in store.machines()}
    name = two_words(draw)
    for _ in range(20):
        if name not in taken:
            return name
        name = two_words(draw)
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"
