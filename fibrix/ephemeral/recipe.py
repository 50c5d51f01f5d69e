"""What the ephemeral OS consists of: which packages, which of their programs, which kernel modules."""

from pathlib import Path
from typing import Final

from fibrix.config import EphemeralConfig

BUILDER_VERSION: Final = 1
"""Raised when the builder makes something else of the same packages and files."""

AGENT_DIR: Final = Path(__file__).parent / "agent"
"""The agent: `init` and what lies beside it, as it is on the machine under /fibrix."""

_PACKAGES: Final = (
    "busybox",  # the shell and most programs
    "coreutils",
    "curl",  # the agent's requests; says the HTTP status, resumes, does not hang
    "dmidecode",
    "ethtool",
    "fdisk",  # sfdisk: moves the second partition table to the end of a larger disk
    "ipmitool",
    "jq",
    "kmod",  # modprobe with indexes: a second instead of a minute on old machines
    "memtester",
    "smartmontools",
    "tcpdump",  # hears LLDP
    "util-linux",
    "zstd",
)

PROGRAMS: Final = (
    "bin/busybox",
    "bin/dd",  # busybox's does not say how long it took
    "bin/kmod",
    "sbin/blkdiscard",
    "sbin/blkid",
    "sbin/ethtool",
    "sbin/sfdisk",
    "sbin/wipefs",
    "usr/bin/curl",
    "usr/bin/ipmitool",
    "usr/bin/jq",
    "usr/bin/tcpdump",
    "usr/bin/tee",  # that of busybox copies 1 KiB at a time: images were written at half the speed
    "usr/bin/zstd",
    "usr/sbin/dmidecode",
    "usr/sbin/memtester",
    "usr/sbin/smartctl",
)
"""Programs, relative to the root of the tree. Each comes with the libraries that it is linked with."""

LIBRARIES: Final = ("libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2")
"""Libraries that programs open by themselves while they run."""

MODULE_DIRS: Final = (
    "drivers/ata",
    "drivers/char/hw_random",
    "drivers/char/ipmi",
    "drivers/message/fusion",
    "drivers/net/ethernet",
    "drivers/net/mdio",
    "drivers/net/pcs",
    "drivers/net/phy",
    "drivers/net/vmxnet3",
    "drivers/nvme/host",
    "drivers/scsi",
    "drivers/usb/host",
    "drivers/usb/storage",
    "drivers/virtio",
)
"""Kernel modules by folder below `kernel/`; what they depend on comes with them."""

MODULES: Final = (
    "crc32c_generic",
    "crc32c_intel",
    "efivarfs",
    "ext4",
    "virtio_blk",
    "virtio_net",
    "xfs",
)
"""Further kernel modules by name."""

MODULES_LEFT_OUT: Final = (
    "drivers/net/ethernet/mellanox/mlxsw",  # switches
    "drivers/net/ethernet/netronome",  # network cards that are computers
    "drivers/scsi/be2iscsi",  # disks that are elsewhere: iSCSI and Fibre Channel
    "drivers/scsi/bfa",
    "drivers/scsi/bnx2fc",
    "drivers/scsi/bnx2i",
    "drivers/scsi/csiostor",
    "drivers/scsi/cxgbi",
    "drivers/scsi/elx",
    "drivers/scsi/fcoe",
    "drivers/scsi/fnic",
    "drivers/scsi/lpfc",
    "drivers/scsi/qedf",
    "drivers/scsi/qedi",
    "drivers/scsi/qla2xxx",
    "drivers/scsi/qla4xxx",
    "drivers/scsi/scsi_debug.ko",  # it would be a disk that is not there
)
"""Paths below `kernel/` that are large and of no use to a machine's own disks and its boot."""


def packages(config: EphemeralConfig) -> tuple[str, ...]:
    """Debian packages that the tree is made of, sorted."""
    return tuple(sorted({config.kernel, *_PACKAGES, *config.firmware}))
