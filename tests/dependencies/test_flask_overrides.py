"""Whether Flask still calls what `receiver/web/flask_overrides.py` overrides, and with the arguments it expects."""

from unittest.mock import patch

from werkzeug.routing import MapAdapter

from receiver.web.flask_overrides import ReceiverFlask


def test_flask_finds_plain_routes_in_the_table() -> None:
    app = ReceiverFlask("test")
    app.add_url_rule("/plain", view_func=lambda: "found")
    with patch.object(MapAdapter, "match", side_effect=AssertionError("not in the table")):
        answer = app.test_client().get("/plain")
    assert answer.text == "found", (
        "Flask no longer calls `create_url_adapter`, or calls `MapAdapter.match` with arguments other than "
        "`return_rule=True`. Requests are still answered, 4 % more slowly: adapt receiver/web/flask_overrides.py"
    )


def test_flask_finds_routes_with_arguments_without_the_table() -> None:
    app = ReceiverFlask("test")

    @app.get("/with/<name>")
    def show(name: str) -> str:
        return name

    assert app.test_client().get("/with/argument").text == "argument"
