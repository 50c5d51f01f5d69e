"""What moves a machine from one state to another."""

from enum import Enum


class Trigger(Enum):
    """Asked for by a person (`commission` … `retire`), or come to pass (`succeeded`, `failed`, `timed out`)."""

    COMMISSION = "commission"
    TEST = "test"
    ALLOCATE = "allocate"
    DEPLOY = "deploy"
    RELEASE = "release"
    ERASE = "erase"
    ENTER_RESCUE = "enter-rescue"
    EXIT_RESCUE = "exit-rescue"
    ABORT = "abort"
    MARK_BROKEN = "mark-broken"
    MARK_FIXED = "mark-fixed"
    OVERRIDE = "override"  # failed tests are accepted as they are
    RETIRE = "retire"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
