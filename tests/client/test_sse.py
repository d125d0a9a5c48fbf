from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.client.sse_frames import Frame, FrameReader


def read(text: str, last_id: str = "") -> list[Frame]:
    return FrameReader(last_id).feed(text.encode())


def test_a_frame_ends_with_an_empty_line() -> None:
    reader = FrameReader()
    assert reader.feed(b"id: 1-0\nevent: operation\ndata: {}\n") == []
    assert reader.feed(b"\n") == [Frame("1-0", "operation", "{}")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_three_line_ends_are_accepted(end: str) -> None:
    frames = read(end.join(["id: 1", "data: a", "data: b", "", "data: c", "", ""]) + ":")
    assert frames == [Frame("1", "message", "a\nb"), Frame("1", "message", "c")]


def test_comments_and_unknown_fields_are_ignored() -> None:
    assert read(":\n\n: hello\nretries: 5\nnothing\n\n") == []


def test_one_leading_space_of_a_value_is_removed() -> None:
    assert read("data:  a\n\ndata:b\n\ndata\n\n") == [
        Frame("", "message", " a"),
        Frame("", "message", "b"),
        Frame("", "message", ""),
    ]


def test_a_frame_with_only_an_id_sets_the_position() -> None:
    reader = FrameReader()
    assert reader.feed(b"retry: 3000\nid: 7-0\n\n") == [Frame("7-0", "message", "")]
    assert (reader.last_id, reader.retry) == ("7-0", 3.0)


def test_an_incomplete_frame_does_not_set_the_position() -> None:
    reader = FrameReader("1-0")
    reader.feed(b"id: 2-0\ndata: {}\n")
    assert reader.last_id == "1-0"


@pytest.mark.parametrize("line", ["id: 2\0", "retry: soon", "retry: -1", "retry: ²"])
def test_a_malformed_field_is_ignored(line: str) -> None:
    reader = FrameReader("1")
    reader.feed(f"{line}\n\n".encode())
    assert (reader.last_id, reader.retry) == ("1", None)


def test_a_byte_order_mark_and_invalid_utf8_are_tolerated() -> None:
    [frame] = FrameReader().feed(b"\xef\xbb\xbfdata: a\xff\n\n")
    assert frame.data == "a\ufffd"


@given(st.lists(st.integers(0, 200)))
def test_frames_do_not_depend_on_how_bytes_are_split(cuts: list[int]) -> None:
    blocks = (
        "retry: 1\nid: 1\n\n",
        "id: 2\r\nevent: x\r\ndata: façade 🙂\r\n\r\n",
        ": x\rdata: a\rdata: b\r\r",
        "id: 3\n\n",
    )
    text = "".join(blocks).encode()
    reader = FrameReader()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    frames = [frame for begin, end in pairwise(places) for frame in reader.feed(text[begin:end])]
    assert frames == FrameReader().feed(text)
    assert len(frames) == 4
