"""Keep the results of Microsoft Graph call operations, and tell them."""

from typing import Final

__version__: Final = "0.1.0"
