"""The states of a machine, under the names that operators of such systems know."""

from enum import Enum
from typing import Final


class State(Enum):
    """Where a machine is in its life. The value is what the API shows."""

    NEW = "New"
    COMMISSIONING = "Commissioning"
    FAILED_COMMISSIONING = "Failed commissioning"
    TESTING = "Testing"
    FAILED_TESTING = "Failed testing"
    READY = "Ready"
    ALLOCATED = "Allocated"
    DEPLOYING = "Deploying"
    FAILED_DEPLOYMENT = "Failed deployment"
    DEPLOYED = "Deployed"
    RELEASING = "Releasing"
    RELEASING_FAILED = "Releasing failed"
    DISK_ERASING = "Disk erasing"
    FAILED_DISK_ERASING = "Failed disk erasing"
    ENTERING_RESCUE_MODE = "Entering rescue mode"
    RESCUE_MODE = "Rescue mode"
    FAILED_TO_ENTER_RESCUE_MODE = "Failed to enter rescue mode"
    EXITING_RESCUE_MODE = "Exiting rescue mode"
    FAILED_TO_EXIT_RESCUE_MODE = "Failed to exit rescue mode"
    BROKEN = "Broken"
    RETIRED = "Retired"


PASSING: Final = frozenset(
    {
        State.COMMISSIONING,
        State.TESTING,
        State.DEPLOYING,
        State.RELEASING,
        State.DISK_ERASING,
        State.ENTERING_RESCUE_MODE,
        State.EXITING_RESCUE_MODE,
    }
)
"""States that a machine only passes through: each has a deadline, a failure and an abort."""
