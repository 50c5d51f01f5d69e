"""How much of the journal is given at once."""

from typing import Annotated

import msgspec

Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
"""How many events at most."""
