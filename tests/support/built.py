"""The ephemeral OS and the image that end-to-end tests boot: built once, kept beside the checkout, shared by all."""

import os
from pathlib import Path
from typing import Final

from fibrix.config import EphemeralConfig
from fibrix.domain.image import ImageManifest
from fibrix.ephemeral.build import Built, build
from fibrix.ephemeral.image.build import build_debian

STATE_DIR: Final = Path(os.environ.get("FIBRIX_TEST_STATE_DIR", Path(__file__).parents[2] / "cache" / "tests"))
"""A state directory for tests: a lab kept here finds what was built by the tests before it."""

BOOT_DIR: Final = STATE_DIR / "boot"
CACHE_DIR: Final = STATE_DIR / "cache"
IMAGES_DIR: Final = STATE_DIR / "images"


async def ephemeral_os() -> Built:
    """Build the ephemeral OS, or find it."""
    return await build(EphemeralConfig(), boot_dir=BOOT_DIR, cache_dir=CACHE_DIR, progress=print)


async def debian_image() -> ImageManifest:
    """Build the image, or find it."""
    return await build_debian(EphemeralConfig(), images_dir=IMAGES_DIR, cache_dir=CACHE_DIR, progress=print)
