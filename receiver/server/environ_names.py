"""Names that the server and the application share: in a request's WSGI environ, and in the application's extensions."""

from typing import Final

VOUCH: Final = "receiver.vouch"
"""A function without arguments: the request's credentials are good, so its connection is the last to make room."""

CUT: Final = "receiver.cut"
"""A function without arguments that ends the request's connection, from wherever it is called."""

STOPPING: Final = "receiver.stopping"
"""An event that ends waits and streams: it is set when no connection is taken any more.

Not at SIGTERM: clients whose streams end connect again, many of them at once, and until the last call is over they
would be let in again."""

DOOR: Final = "receiver.door"
"""Among the extensions: what may refuse a request before it is read."""

UNFINISHED: Final = "receiver.unfinished"
"""Among the extensions: what tells whether the end of a worker should wait, when it has for some seconds."""
