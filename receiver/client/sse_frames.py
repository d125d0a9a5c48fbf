"""A parser of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import codecs
import io
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """The lines between two empty lines.

    Attributes:
        id: the id of the last frame that had one, this one included.
        kind: the event's type; `message` if it has none.
        data: its text; empty if it has only an id.
    """

    id: str
    kind: str
    data: str


class FrameReader:
    """Parses frames from bytes, however they are split.

    Attributes:
        last_id: the id after which to go on; that of a frame that broke off does not count.
        retry: seconds to wait before reconnecting, if the server sent them.
    """

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: float | None = None
        # It converts all three kinds of line ends to \n, including those that are split.
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8-sig")(errors="replace"), translate=True
        )
        self._rest = ""
        self._begin()

    def feed(self, data: bytes) -> list[Frame]:
        """Parse the next bytes; return the frames that end in them."""
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        return [frame for line in lines if (frame := self._parse_line(line))]

    def _begin(self) -> None:
        self._id = self.last_id
        self._kind = ""
        self._data: list[str] = []

    def _parse_line(self, line: str) -> Frame | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry = int(value) / 1000
        return None

    def _end(self) -> Frame | None:
        is_complete = bool(self._data) or self._id != self.last_id
        self.last_id = self._id
        frame = Frame(self.last_id, self._kind or "message", "\n".join(self._data))
        self._begin()
        return frame if is_complete else None
