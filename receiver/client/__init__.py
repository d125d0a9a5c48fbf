"""The Python client of a receiver: `Receiver(url, key).wait(client_context, timeout=90)`.

It uses HTTP only, and nothing else of this package. Threads can share it, and so can processes after a fork, and
greenlets where gevent has patched.
"""

from receiver.client.errors import (
    ClientError,
    MisconfiguredError,
    NotAllowedError,
    ProblemError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
)
from receiver.client.event_stream import Event, Stream
from receiver.client.operation import Conflict, Moment, Operation, Receipt, Result
from receiver.client.receiver import Receiver

__all__ = [
    "ClientError",
    "Conflict",
    "Event",
    "MisconfiguredError",
    "Moment",
    "NotAllowedError",
    "Operation",
    "ProblemError",
    "Receipt",
    "Receiver",
    "Result",
    "Stream",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnreachableError",
]
