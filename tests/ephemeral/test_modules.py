"""The choice of kernel modules."""

from pathlib import Path

import pytest

from fibrix.ephemeral.modules import chosen, kernel_version, read_dependencies
from fibrix.ephemeral.recipe import MODULES
from fibrix.errors import BuildError

NAMED = "".join(f"kernel/fs/{name}.ko:\n" for name in MODULES)


def test_a_chosen_module_brings_all_that_it_depends_on() -> None:
    dependencies = read_dependencies(
        NAMED
        + "kernel/drivers/net/ethernet/intel/e1000.ko: kernel/lib/a.ko\n"
        + "kernel/lib/a.ko: kernel/lib/b.ko\nkernel/lib/b.ko:\nkernel/lib/c.ko:\n"
        + "kernel/sound/noise.ko:\n"
    )
    paths = chosen(dependencies)
    assert {"kernel/drivers/net/ethernet/intel/e1000.ko", "kernel/lib/a.ko", "kernel/lib/b.ko"} <= set(paths)
    assert not {"kernel/lib/c.ko", "kernel/sound/noise.ko"} & set(paths)


def test_what_is_left_out_is_not_chosen_by_its_folder() -> None:
    paths = chosen(read_dependencies(NAMED + "kernel/drivers/scsi/lpfc/lpfc.ko:\nkernel/drivers/scsi/sd_mod.ko:\n"))
    assert "kernel/drivers/scsi/sd_mod.ko" in paths
    assert "kernel/drivers/scsi/lpfc/lpfc.ko" not in paths


def test_a_kernel_without_a_needed_module_is_refused() -> None:
    with pytest.raises(BuildError, match="this kernel has no"):
        chosen({})


def test_two_kernels_are_one_too_many(tmp_path: Path) -> None:
    for version in ("6.1.0-1-amd64", "6.1.0-2-amd64"):
        (tmp_path / "lib/modules" / version).mkdir(parents=True)
    with pytest.raises(BuildError, match="2 kernels"):
        kernel_version(tmp_path)
