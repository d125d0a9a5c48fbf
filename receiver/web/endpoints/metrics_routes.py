"""`/metrics`: what is measured, for Prometheus."""

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response

from receiver.web.auth.authorizer import Authorizer
from receiver.web.openapi import READ, Answer, describe

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def make_metrics(text: Callable[[], bytes], authorizer: Authorizer) -> Blueprint:
    """Make the route of the metrics.

    Args:
        text: writes them in the format 0.0.4 of Prometheus.
        authorizer: who may read them.
    """
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    @describe(READ, {200: Answer("All series.", media_type=_TYPE)})
    def show() -> Response:
        """Get the metrics, in the text format of Prometheus.

        All workers of this server together. Each series has the name of the instance, where the platform gives one.
        """
        authorizer.require("read")
        return Response(text(), content_type=_TYPE)

    return blueprint
