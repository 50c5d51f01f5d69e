"""All recipes; those that change others come last."""

from typing import Final

from tests.captures.make import (
    recipes_arp,
    recipes_bmc,
    recipes_cable,
    recipes_changed,
    recipes_dhcp,
    recipes_firmware,
    recipes_names,
    recipes_nd,
)
from tests.captures.make.recipe import RECIPES

PARTS: Final = (
    recipes_arp,
    recipes_dhcp,
    recipes_nd,
    recipes_cable,
    recipes_names,
    recipes_bmc,
    recipes_firmware,
    recipes_changed,
)
ALL: Final = tuple(sorted(RECIPES))
