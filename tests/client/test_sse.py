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
def test_lines_may_end_in_three_ways(end: str) -> None:
    frames = read(end.join(["id: 1", "data: a", "data: b", "", "data: c", "", ""]) + ":")
    assert frames == [Frame("1", "message", "a\nb"), Frame("1", "message", "c")]


def test_comments_and_unknown_fields_say_nothing() -> None:
    assert read(":\n\n: hello\nretries: 5\nnothing\n\n") == []


def test_only_the_first_space_is_none_of_the_value() -> None:
    assert read("data:  a\n\ndata:b\n\ndata\n\n") == [
        Frame("", "message", " a"),
        Frame("", "message", "b"),
        Frame("", "message", ""),
    ]


def test_an_id_alone_moves_on() -> None:
    reader = FrameReader()
    assert reader.feed(b"retry: 3000\nid: 7-0\n\n") == [Frame("7-0", "message", "")]
    assert (reader.last_id, reader.retry) == ("7-0", 3.0)


def test_of_a_frame_that_is_cut_off_nothing_counts() -> None:
    reader = FrameReader("1-0")
    reader.feed(b"id: 2-0\ndata: {}\n")
    assert reader.last_id == "1-0"


@pytest.mark.parametrize("line", ["id: 2\0", "retry: soon", "retry: -1", "retry: ²"])
def test_what_makes_no_sense_is_ignored(line: str) -> None:
    reader = FrameReader("1")
    reader.feed(f"{line}\n\n".encode())
    assert (reader.last_id, reader.retry) == ("1", None)


def test_a_byte_order_mark_and_bytes_that_are_no_text_do_no_harm() -> None:
    [frame] = FrameReader().feed(b"\xef\xbb\xbfdata: a\xff\n\n")
    assert frame.data == "a\ufffd"


@given(st.lists(st.integers(0, 200)))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
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
