"""Names that the server and the application share: keys of a request's WSGI environ and of the app's extensions."""

from typing import Final

MARK_AUTHENTICATED: Final = "receiver.mark_authenticated"
"""In the environ: a function without arguments. The application calls it once it has verified the credentials.

Near the limit of connections the server closes authenticated ones last."""

CLOSE_CONNECTION: Final = "receiver.close_connection"
"""In the environ: a function without arguments that closes the request's connection, called from any greenlet."""

STOPPING: Final = "receiver.stopping"
"""In the environ: an event that ends waits and streams. The server sets it when it no longer accepts connections.

Not at SIGTERM: clients whose streams end reconnect at once, and until the listening socket is closed they would be
accepted again."""

RECEIVED_AT: Final = "receiver.received_at"
"""In the environ: the monotonic time at which the request entered the admission queue; absent where it did not wait."""

REJECT_EARLY: Final = "receiver.reject_early"
"""In the extensions: a function from the first bytes of a request to a whole response, or None to parse the request."""

HAS_UNFINISHED_WORK: Final = "receiver.has_unfinished_work"
"""In the extensions: a function that returns whether a stopping worker should wait some seconds for background work."""
