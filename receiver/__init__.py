"""Keep the results of Microsoft Graph call operations, and tell them."""

from typing import Final

__version__: Final = "0.2.0.dev0"
