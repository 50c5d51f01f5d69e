"""What can be wrong with an answer of a BMC, beyond bytes that cannot be read.

MalformedPacketError
└── StrayPacketError     well formed, but not the answer that is awaited: late, doubled or another's
PowerError
├── RefusedError         the BMC understood, and said no; `completion` is its code
├── SuiteRefusedError    the BMC does not do this cipher suite; another one may work
└── SessionLostError     the BMC does not know the session (any more); a new one may work
"""

from fibrix.errors import MalformedPacketError, PowerError


class StrayPacketError(MalformedPacketError):
    """A well-formed answer that nobody awaits."""


class RefusedError(PowerError):
    """A command was answered with a completion code other than 00h."""

    def __init__(self, message: str, *, completion: int) -> None:
        self.completion = completion
        super().__init__(message)


class SuiteRefusedError(PowerError):
    """The BMC refuses the proposed cipher suite."""


class SessionLostError(PowerError):
    """The BMC does not know the session that was spoken of."""
