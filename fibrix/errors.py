"""The error tree. A message says what is wrong, where, and what to do.

FibrixError
├── MalformedPacketError   bytes from outside that no codec accepts; counted, never a traceback
├── ConfigError            the configuration; `faults` holds every fault found
├── InvalidError           a value that a caller gave; API status 422
├── NotFoundError          nothing of that name; 404
├── ConflictError          it clashes with what is there (a name, a MAC, a state); 409
├── UnauthorizedError      no key, or a wrong one; 401
├── ListenError            an address or port that cannot be listened on
├── PowerError             a BMC said no, or nothing; 502
├── StoreError             the database; 503
├── BuildError             the ephemeral OS or an image could not be built
├── LabError               the lab could not be made, or did not do what was asked
└── ClientError            the API refused or could not be reached (command line)
"""

from collections.abc import Sequence


class FibrixError(Exception):
    """The root of all errors that Fibrix raises on purpose."""


class MalformedPacketError(FibrixError):
    """Bytes from outside that no codec accepts."""


class ConfigError(FibrixError):
    """The configuration is wrong; the message lists all faults, one a line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class InvalidError(FibrixError):
    """A caller gave a value that cannot be; `pointer` is the JSON pointer (RFC 6901) of the fault, if any."""

    def __init__(self, message: str, *, pointer: str = "") -> None:
        self.pointer = pointer
        super().__init__(message)


class NotFoundError(FibrixError):
    """Nothing of that name."""


class ConflictError(FibrixError):
    """It clashes with what is there: a name or MAC in use, an action that the state does not allow."""


class UnauthorizedError(FibrixError):
    """No key, token or secret, or a wrong one."""


class ListenError(FibrixError):
    """An address or port cannot be listened on."""


class PowerError(FibrixError):
    """A BMC refused, answered nonsense or did not answer."""


class StoreError(FibrixError):
    """The database cannot be opened, read or written."""


class BuildError(FibrixError):
    """The ephemeral OS or an image could not be built."""


class LabError(FibrixError):
    """The lab could not be made, or did not do what was asked."""


class ClientError(FibrixError):
    """The API refused a call of a client, or could not be reached; `status` is HTTP's, 0: it was not reached."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        self.status = status
        super().__init__(message)
