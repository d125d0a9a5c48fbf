"""Flask, with a shorter way from a request to its route.

The only override of Flask: routes without variables are found in a table, and nothing is prepared for building URLs,
which no route does. Gain and rejected overrides: `python -m tests.benchmarks.flask_options`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from flask import Flask, Request
from werkzeug.routing import MapAdapter, Rule


class ReceiverFlask(Flask):
    """A Flask app without a static folder, whose routes take less time to find."""

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the route of a request; None outside a request.

        Raises:
            SecurityError: the host is not one of `TRUSTED_HOSTS`, if that is set.
        """
        if request is None:
            return None
        request.trusted_hosts = self.config["TRUSTED_HOSTS"]
        return _TableAdapter(
            self.rules_without_arguments,
            self.url_map,
            server_name=request.host if request.trusted_hosts else "",  # reading the host checks it
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode("latin-1"),
        )

    @cached_property
    def rules_without_arguments(self) -> Mapping[tuple[str, str], Rule]:
        """The rules that match a single path, by method and path. Flask accepts no others after the first request."""
        rules = [rule for rule in self.url_map.iter_rules() if not rule.arguments]
        return {(method, rule.rule): rule for rule in rules for method in rule.methods or ()}


class _TableAdapter(MapAdapter):
    """Finds the rule of a path without variables in a table, and leaves all others to werkzeug."""

    def __init__(self, rules: Mapping[tuple[str, str], Rule], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._rules = rules

    def match(self, *args: Any, **options: Any) -> Any:
        """Return the rule, or its endpoint, and the values of its variables."""
        rule = self._rules.get((self.default_method, self.path_info))
        return (rule, {}) if rule and options == _FLASKS_OPTIONS else super().match(*args, **options)


_FLASKS_OPTIONS: Final = {"return_rule": True}
