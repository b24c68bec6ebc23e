"""Real servers that record what they are told: a hook and a mail server, on this machine."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hook:
    """What a hook was sent, and what it answers: a status, or `slow` for an answer by drops."""

    port: int = 0
    status: int = 200
    slow: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"


@contextmanager
def listening(hook: Hook) -> Iterator[Hook]:
    """The hook as a server, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.requests.append((dict(self.headers.items()), body))
            if hook.slow:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not hook.over.wait(0.05):
                    try:
                        self.wfile.write(b"X-Drop: 1\r\n")
                    except OSError:
                        return
                return
            self.send_response(hook.status)
            if 300 <= hook.status < 400:
                self.send_header("Location", f"http://127.0.0.1:{hook.port}/elsewhere")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            hook.over.set()
            server.shutdown()
            thread.join()


@dataclass
class Post:
    """What a mail server was given; it answers each recipient with `answer`."""

    port: int = 0
    answer: str = "250 fine"
    mails: list[str] = field(default_factory=list)


@contextmanager
def delivering(post: Post) -> Iterator[Post]:
    """As much of SMTP (RFC 5321) as a client needs."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().decode():
                self.wfile.write(f"{self.answer(line)}\r\n".encode())

        def answer(self, line: str) -> str:
            verb = line.split()[0].upper()
            if verb == "RCPT":
                return post.answer
            if verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                post.mails.append("".join(lines))
            return "250 fine"

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        post.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield post
        finally:
            server.shutdown()
            thread.join()
