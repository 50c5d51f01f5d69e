"""Sizes as people write them."""

import re
from typing import Any, Final

import click

_WRITTEN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)(I?B)?")
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


class Size(click.ParamType[int]):
    """A number of bytes: `8G` and `8GiB` are 8 x 1024³, `8GB` are 8 x 1000³, `512` are bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read one."""
        if isinstance(value, int):
            return value
        found = _WRITTEN.fullmatch(str(value).strip().upper())
        if found is None:
            self.fail(f"{value!r} is not a size: write it as 8G, 8GiB or 500GB", param, ctx)
        number, prefix, unit = found.groups()
        base = 1000 if unit == "B" and prefix else 1024
        return int(float(number) * base ** _POWERS[prefix]) if "." in number else int(number) * base ** _POWERS[prefix]


SIZE: Final = Size()
"""For options."""
