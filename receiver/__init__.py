"""Receive Microsoft Graph's call notifications, and serve the results of call operations."""

from typing import Final

__version__: Final = "0.2.0.dev0"
