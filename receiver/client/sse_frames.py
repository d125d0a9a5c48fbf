"""Server-sent events, read as they arrive: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import codecs
import io
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands between two empty lines.

    Attributes:
        id: the id of the last frame that had one, this one included.
        kind: the event's type; `message` where it has none.
        data: its text; empty where it only brings an id.
    """

    id: str
    kind: str
    data: str


class FrameReader:
    """Makes frames of bytes, however they are cut.

    Attributes:
        last_id: where to go on after what has been read; of a frame that is cut off nothing counts.
        retry: seconds to wait before connecting again, where the server has said so.
    """

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: float | None = None
        # It reads all three kinds of line ends as \n, also those that are cut in two.
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8-sig")(errors="replace"), translate=True
        )
        self._rest = ""
        self._begin()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they have arrived; return the frames that end in them."""
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        return [frame for line in lines if (frame := self._line(line))]

    def _begin(self) -> None:
        self._id = self.last_id
        self._kind = ""
        self._data: list[str] = []

    def _line(self, line: str) -> Frame | None:
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
        told = bool(self._data) or self._id != self.last_id
        self.last_id = self._id
        frame = Frame(self.last_id, self._kind or "message", "\n".join(self._data))
        self._begin()
        return frame if told else None
