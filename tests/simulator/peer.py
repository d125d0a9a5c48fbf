"""A minimal receiver on a real socket: it records posts, and responds by its attribute `answer`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class ReceivedPost:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    url: str = ""
    posts: list[ReceivedPost] = field(default_factory=list)
    answer: Callable[[ReceivedPost], Answer] = lambda post: (202, {}, b"")


@contextmanager
def run_peer() -> Iterator[Peer]:
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            post = ReceivedPost(
                self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length)
            )
            peer.posts.append(post)
            status, headers, body = peer.answer(post)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    peer.url = f"http://127.0.0.1:{server.server_address[1]}/callback"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
