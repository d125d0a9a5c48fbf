"""The JSON codec: strict by RFC 8259, lenient where Graph is known to deviate."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import InvalidJSONError
from receiver.graph.json_codec import JSON, MAX_DEPTH, TooDeepError, dump, parse, prune
from tests.support.graph_reading import nested
from tests.support.odd_notifications import VALUES


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"a": Infinity}', id="Infinity"),
        pytest.param(b"[-Infinity]", id="-Infinity"),
        pytest.param(b'{"a": 1e999}', id="beyond a float"),
        pytest.param(
            b'{"a": -1e999, "b": 12345678901234567890123}', id="beyond a float, by the standard library"
        ),
        pytest.param(b"9" * 5000, id="an integer of 5000 digits"),
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 levels"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 levels of objects"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="a surrogate in UTF-8"),
        pytest.param(b'"a\x00b"', id="a NUL that is not escaped"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b"{'a': 1}", id="single quotes"),
        pytest.param(b'{"a": 1,}', id="a comma too many"),
        pytest.param(b"012", id="a leading zero"),
        pytest.param("{}".encode("utf-16"), id="UTF-16 without a charset"),
    ],
)
def test_text_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJSONError):
        parse(body)


def test_refusal_does_not_quote_the_body() -> None:
    with pytest.raises(InvalidJSONError) as caught:
        parse(b'{"displayName": "Ann Example", "id": NaN}')
    assert "Ann" not in caught.value.detail
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="a byte order mark"),
        pytest.param(b' \r\n\t{"a": 1}\n', {"a": 1}, id="white space around"),
        pytest.param(b'{"a": 1, "b": 0, "a": 2}', {"a": 2, "b": 0}, id="a duplicate member"),
        pytest.param(
            b'{"n": 12345678901234567890123, "a": 1, "a": 2}',
            {"n": 12345678901234567890123, "a": 2},
            id="a duplicate member, by the standard library",
        ),
        pytest.param(rb'"a\u0000b"', "a\0b", id="an escaped NUL"),
        pytest.param(rb'"\ud83d\ude00"', "\U0001f600", id="a surrogate pair"),
        pytest.param(rb'["Ann \ud83d", 1]', ["Ann �", 1], id="the first half of a pair"),
        pytest.param(
            rb'{"\ude00x": "y\ud83d\ude00"}', {"�x": "y\U0001f600"}, id="the second half, in a name"
        ),
        pytest.param(b"1e-999", 0.0, id="too small for a float"),
        pytest.param(b"[" * 900 + b"]" * 900, nested(899, []), id="900 levels"),
    ],
)
def test_odd_json_is_parsed(body: bytes, value: object) -> None:
    assert parse(body) == value


@pytest.mark.parametrize(
    "charset",
    [
        pytest.param("Windows-1252", id="Windows-1252"),
        pytest.param("iso-8859-1", id="Latin 1"),
    ],
)
def test_body_is_decoded_by_its_charset(charset: str) -> None:
    assert parse('{"displayName": "Zoë Müller"}'.encode(charset), charset) == {"displayName": "Zoë Müller"}


def test_utf_8_takes_precedence_over_the_charset() -> None:
    assert parse('"Zoë"'.encode(), "Windows-1252") == "Zoë"


def test_utf_16_with_charset_and_bom_is_decoded() -> None:
    assert parse('{"displayName": "Zoë"}'.encode("utf-16"), "utf-16") == {"displayName": "Zoë"}


@pytest.mark.parametrize(
    "charset",
    [None, "", "utf-8", "no-such-charset", "undefined", "idna", "punycode", "base64", "a\0b", "é", "\ud800"],
    ids=ascii,
)
def test_wrong_charset_is_refused(charset: str | None) -> None:
    with pytest.raises(InvalidJSONError, match="charset"):
        parse(b'"\xff"', charset)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(2**63, id="2^63"),
        pytest.param(2**64 - 1, id="the largest of 64 bits"),
        pytest.param(2**64, id="2^64"),
        pytest.param(-(2**63) - 1, id="below the smallest of 64 bits"),
        pytest.param(int("7" * 100), id="100 digits"),
    ],
)
def test_large_integer_stays_exact(number: int) -> None:
    assert dump(parse(f'{{"n": [{number}]}}'.encode())) == f'{{"n":[{number}]}}'


def test_dumped_text_is_canonical() -> None:
    assert (
        dump(parse(b'{"b": [1, 2.0], "a": {"d": null, "c": "\\u00e9"}}'))
        == '{"a":{"c":"é","d":null},"b":[1,2.0]}'
    )


@given(VALUES)
def test_value_survives_dump_and_parse(value: JSON) -> None:
    text = dump(value)
    assert parse(text.encode()) == value
    assert dump(parse(text.encode())) == text


@given(VALUES)
def test_equal_values_have_equal_texts(value: JSON) -> None:
    texts = (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True))
    assert {dump(parse(text.encode())) for text in texts} == {dump(value)}


@given(
    st.binary() | st.text().map(str.encode) | VALUES.map(json.dumps).map(str.encode), st.none() | st.text()
)
def test_any_body_is_parsed_or_refused(body: bytes, charset: str | None) -> None:
    try:
        value = parse(body, charset)
    except InvalidJSONError:
        return
    assert parse(dump(value).encode()) == value


@pytest.mark.parametrize("core", [1, 2**64], ids=["orjson", "the standard library"])
def test_value_deeper_than_the_limit_is_refused(core: int) -> None:
    assert dump(nested(MAX_DEPTH, core)) == "[" * MAX_DEPTH + str(core) + "]" * MAX_DEPTH
    for levels in (MAX_DEPTH + 1, 150, 300, 900):
        with pytest.raises(TooDeepError, match="100 levels"):
            dump({"a": nested(levels - 1, core)})


def test_wide_value_is_not_too_deep() -> None:
    wide: JSON = [[{}, []] for _ in range(1000)]
    assert parse(dump([wide, "[" * 1000]).encode()) == [wide, "[" * 1000]


@pytest.mark.parametrize("levels", [0, 1, MAX_DEPTH, MAX_DEPTH + 1, 900])
def test_pruned_value_is_not_too_deep(levels: int) -> None:
    value = {"kept": 1, "deep": nested(levels)}
    pruned = prune(value)
    assert parse(dump(pruned).encode()) == pruned
    assert isinstance(pruned, dict)
    assert pruned["kept"] == 1
    assert (pruned == value) is (levels < MAX_DEPTH)
