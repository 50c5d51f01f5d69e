"""The error tree. A message says what is wrong, where, and what to do.

FibrixError
├── MalformedPacketError   bytes from outside that no codec accepts; counted, never a traceback
├── ConfigError            the configuration; `faults` holds every fault found
├── InvalidError           a value that a caller gave; API status 422
│   └── KeyReusedError     an idempotency key that stands for another request; 422
├── NotFoundError          nothing of that name; 404
├── ConflictError          it clashes with what is there (a name, a MAC, a state); 409
│   ├── QuotaError         a tenant's quota does not allow it; 409
│   ├── UnderWayError      the first request with this idempotency key is not done yet; 409
│   └── AnswerLostError    it was done for this idempotency key, but what was answered is lost; 409
├── UnauthorizedError      no key, or a wrong one; 401
├── ForbiddenError         the caller may not do this; 403
├── ThrottledError         too often; 429
├── PreconditionError      it was changed since the caller read it; 412
├── UnconditionalError     a change that does not say what it was read as; 428
├── ListenError            an address or port that cannot be listened on
├── PowerError             a BMC said no, or nothing; 502
├── StoreError             the database; 503
├── BuildError             the ephemeral OS or an image could not be built
├── LabError               the lab could not be made, or did not do what was asked
├── ClientError            the API refused or could not be reached (command line)
└── RehearsedError         a client's change that was only rehearsed (command line)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class FibrixError(Exception):
    """The root of all errors that Fibrix raises on purpose."""


class MalformedPacketError(FibrixError):
    """Bytes from outside that no codec accepts."""


class ConfigError(FibrixError):
    """The configuration is wrong; the message lists all faults, one a line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with what a caller gave."""

    detail: str
    pointer: str = ""  # JSON pointer (RFC 6901) into the body; empty: the whole of it


class InvalidError(FibrixError):
    """A caller gave values that cannot be; `faults` holds all that were found, `pointer` is the first one's."""

    def __init__(self, message: str, *, pointer: str = "", faults: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults) or (Fault(message, pointer),)
        self.pointer = self.faults[0].pointer
        super().__init__(message)


class NotFoundError(FibrixError):
    """Nothing of that name."""


class ConflictError(FibrixError):
    """It clashes with what is there: a name or MAC in use, an action that the state does not allow."""


class QuotaError(ConflictError):
    """A tenant's quota does not allow it."""


class KeyReusedError(InvalidError):
    """An idempotency key stands for another request already."""


class UnderWayError(ConflictError):
    """The first request with this idempotency key is not done yet; `retry_after_s` says when to ask again."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class AnswerLostError(ConflictError):
    """It was done for this idempotency key, but what was answered is not to be had any more."""


class UnauthorizedError(FibrixError):
    """No key, token or secret, or a wrong one."""


class ForbiddenError(FibrixError):
    """The caller is known, and may not do this."""


class ThrottledError(FibrixError):
    """It was tried too often; `retry_after_s` says when it may be tried again."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class PreconditionError(FibrixError):
    """What is to be changed is no longer what the caller read."""


class UnconditionalError(FibrixError):
    """A change must say which version of the thing it was made for."""


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


class RehearsedError(FibrixError):
    """A client's changing call was only rehearsed; `preview` says what it would have done."""

    def __init__(self, preview: dict[str, Any]) -> None:
        self.preview = preview
        super().__init__("it was only rehearsed")
