"""Wait until an operation is overdue."""

from tests.support.service import Service
from tests.support.waiting import until


def wait_until_overdue(service: Service, name: str = "invite-1") -> dict[str, object]:
    """Wait until the operation with this client context is overdue, and return it."""

    def found() -> dict[str, object] | None:
        operation: dict[str, object] = service.get(f"/operations/{name}").json
        return operation if operation["overdue"] else None

    operation = until(found)
    assert operation is not None
    return operation
