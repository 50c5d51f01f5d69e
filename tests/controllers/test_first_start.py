"""The first start, and the starts after it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from fibrix.app.first_start import ADMIN_KEY, make_admin
from fibrix.bus import Bus
from fibrix.domain.access import Role
from fibrix.domain.account import ApiKey, User
from fibrix.store.region import open_region

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def test_there_is_an_admin_whose_key_is_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ADMIN_KEY
    for _ in range(2):  # the second start finds both
        async with open_region(tmp_path, Bus()) as region:
            await make_admin(region, path, NOW)
            (admin,) = region.of(User).all()
            (key,) = region.of(ApiKey).all()
        assert (admin.name, admin.role, admin.password_hash, key.user) == ("admin", Role.ADMIN, "", admin.id)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().strip()) == len("fibrix_") + 43


async def test_a_start_that_was_cut_short_leaves_a_key_that_is_good_after_the_next(tmp_path: Path) -> None:
    path = tmp_path / ADMIN_KEY
    path.write_text("fibrix_" + "x" * 43 + "\n")  # it died between the file and the store
    async with open_region(tmp_path, Bus()) as region:
        await make_admin(region, path, NOW)
        assert region.of(ApiKey).by_key(_sha256("fibrix_" + "x" * 43)) is not None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
