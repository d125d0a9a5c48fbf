"""(a) The floor: Flask answering an empty 202, under the receiver's own worker and settings of gunicorn.

    python -m tests.benchmarks.callback.floor

It reads the same environment as the receiver, and does nothing with most of it. A query is answered by an empty 200.
"""

from typing import TYPE_CHECKING

from receiver.server.serve import serve
from receiver.settings.configuration import Settings, read_settings

if TYPE_CHECKING:
    import flask


def make_app(_: Settings) -> "flask.Flask":
    from flask import Flask, Response  # noqa: PLC0415 - after the fork, as the receiver does

    app = Flask(__name__, static_folder=None)

    @app.post("/callback")
    def callback() -> Response:
        return Response(status=202)

    @app.get("/operations/<client_context>")
    def operation(client_context: str) -> Response:
        return Response(status=200)

    @app.get("/livez")
    @app.get("/readyz")
    def health() -> Response:
        return Response(status=200)

    return app


if __name__ == "__main__":
    serve(read_settings(), make_app)
