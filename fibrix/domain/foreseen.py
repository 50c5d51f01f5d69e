"""One thing that a rehearsed request would change."""

import msgspec


class Foreseen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that would change."""

    what: str  # `state`, `power`, `disks`, `scripts`, `dhcp`, `dns`, `tenant`, a kind of thing, or the name of a field
    subject: str = ""  # an API path below `/api/v1/`; of what is new: where its kind is
    before: str = ""
    after: str = ""
    detail: str = ""
