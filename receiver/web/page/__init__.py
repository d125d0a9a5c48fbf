"""The page: what the receiver knows, to look at in a browser."""

from receiver.web.page.frame import public_error
from receiver.web.page.routes import make_page

__all__ = ["make_page", "public_error"]
