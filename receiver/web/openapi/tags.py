"""The groups of routes, in the order of the document: one for each blueprint, by its name, with a title and a text."""

from typing import Final

TAGS: Final[dict[str, tuple[str, str]]] = {
    "operations": (
        "Operations",
        "What has become of an operation, by the client context that its caller chose.",
    ),
    "calls": ("Calls", "A call with its roster and operations."),
    "events": ("Events", "What changes, as it changes."),
    "callback": ("Call notifications", "Where Graph tells of calls and their operations."),
    "notifications": (
        "Change notifications",
        "Where Graph tells of what its subscriptions watch, and what it told.",
    ),
    "quarantine": ("Quarantine", "What came from Graph and could not be read."),
    "health": ("Health", "For platforms and monitoring."),
    "metrics": ("Metrics", "What is measured, for Prometheus."),
    "openapi": ("OpenAPI", "What you are reading, for machines."),
    "page": ("Pages", "For people, in a browser."),
}
