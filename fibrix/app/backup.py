"""What a backup is taken of, and the configuration that goes along."""

from typing import Any

import msgspec
import tomli_w

from fibrix.app.shared import Shared
from fibrix.config import Config
from fibrix.store.backup import BackupSource
from fibrix.store.images import Images


def backup_source(shared: Shared) -> BackupSource:
    """Make the source of backups."""
    config = shared.config
    return BackupSource(
        state_dir=config.state_dir,
        scripts_dir=config.state_dir / config.ephemeral.extra_scripts_dir,
        images=Images(config.images_dir),
        config=lambda: config_text(config),
        now=shared.now,
    )


def config_text(config: Config) -> bytes:
    """Write the configuration that is at work as TOML, without the parameters of scripts: they may be passwords."""
    table: dict[str, Any] = msgspec.to_builtins(config, enc_hook=str)
    del table["scripts"]
    return tomli_w.dumps(_told(table)).encode()


def _told(value: Any) -> Any:
    """Leave out what is null: TOML has no word for it."""
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items() if one is not None}
    return [_told(one) for one in value] if isinstance(value, list | tuple) else value
