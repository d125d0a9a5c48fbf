"""`/metrics`: the metrics of all workers of this server, for Prometheus."""

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response

from receiver.web.auth.authorizer import Authorizer
from receiver.web.openapi import READ, Answer, describe

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class MetricsRoutes:
    """The route of the metrics.

    Args:
        text: writes the metrics in Prometheus's text format 0.0.4.
        authorizer: checks the scopes of requests.
    """

    def __init__(self, text: Callable[[], bytes], authorizer: Authorizer) -> None:
        self._text = text
        self._authorizer = authorizer

    def blueprint(self) -> Blueprint:
        """Return the blueprint with this route."""
        blueprint = Blueprint("metrics", __name__)
        blueprint.get("/metrics")(self.get)
        return blueprint

    @describe(READ, {200: Answer("All series.", media_type=_TYPE)})
    def get(self) -> Response:
        """Get the metrics, in the text format of Prometheus.

        They cover all workers of this server. Each series has the name of the instance, where the platform gives one.
        """
        self._authorizer.require("read")
        return Response(self._text(), content_type=_TYPE)
