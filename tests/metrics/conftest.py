from tests.web.conftest import start

__all__ = ["start"]
