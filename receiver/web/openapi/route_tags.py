"""The groups of routes in the order of the document: title and text of each blueprint, by its name."""

from typing import Final

TAGS: Final[dict[str, tuple[str, str]]] = {
    "operations": (
        "Operations",
        "The latest state of each call operation, by the client context that its caller chose.",
    ),
    "calls": ("Calls", "A call: its state, its roster, its operations."),
    "events": ("Events", "A live stream of changes, as server-sent events."),
    "callback": ("Call notifications", "Where Graph posts notifications of calls and their operations."),
    "notifications": (
        "Change notifications",
        "Where Graph posts notifications of subscriptions, and a list of what it posted.",
    ),
    "quarantine": ("Quarantine", "Authenticated items that could not be parsed."),
    "health": ("Health", "For platforms and monitoring."),
    "metrics": ("Metrics", "Metrics in the format of Prometheus."),
    "openapi": ("OpenAPI", "This description, for machines."),
    "page": ("Pages", "Pages for a browser."),
}
