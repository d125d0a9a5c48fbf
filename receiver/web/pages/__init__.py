"""The page: what the receiver knows, to look at in a browser."""

from receiver.web.pages.page_layout import public_error
from receiver.web.pages.page_routes import PageRoutes

__all__ = ["PageRoutes", "public_error"]
