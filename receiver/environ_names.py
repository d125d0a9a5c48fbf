"""Names in a request's WSGI environ that the server and the application share."""

from typing import Final

VOUCH: Final = "receiver.vouch"
"""A function without arguments: the request's credentials are good, so its connection is the last to make room."""

CUT: Final = "receiver.cut"
"""A function without arguments that ends the request's connection, from wherever it is called."""
