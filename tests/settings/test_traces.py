"""OpenTelemetry's variables for traces."""

import pytest

from receiver.settings.configuration import read_settings
from tests.settings.reading import problems

COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("variables", "endpoint", "timeout"),
    [
        ({}, None, 3),
        ({COLLECTOR: "http://c:4318"}, "http://c:4318/v1/traces", 3),
        ({COLLECTOR: "http://c:4318/base/"}, "http://c:4318/base/v1/traces", 3),
        ({TRACES: "http://t/own"}, "http://t/own", 3),
        ({COLLECTOR: "http://c", TRACES: "http://t/own"}, "http://t/own", 3),
        ({COLLECTOR: "http://c", "OTEL_EXPORTER_OTLP_TIMEOUT": "7"}, "http://c/v1/traces", 7),
        ({TRACES: "http://t", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "0.5"}, "http://t", 0.5),
        ({COLLECTOR: "http://c", "OTEL_SDK_DISABLED": "True"}, None, 3),
        ({COLLECTOR: "http://c", "OTEL_SDK_DISABLED": "1"}, "http://c/v1/traces", 3),
        ({COLLECTOR: "http://c", "OTEL_TRACES_EXPORTER": "none"}, None, 3),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None, 3),
        (
            {
                COLLECTOR: "http://c",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "",
            },
            "http://c/v1/traces",
            3,
        ),
    ],
)
def test_traces_go_to_the_endpoint_of_the_variables(
    env: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str | None, timeout: float
) -> None:
    for name, text in variables.items():
        env.setenv(name, text)
    settings = read_settings()
    assert (settings.otlp_endpoint, settings.otlp_timeout) == (endpoint, timeout)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "br"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ],
)
def test_unsupported_exporter_options_are_refused(env: pytest.MonkeyPatch, name: str, text: str) -> None:
    env.setenv(COLLECTOR, "http://c")
    env.setenv(name, text)
    assert "must be one of" in problems()[name]
