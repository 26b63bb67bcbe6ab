"""Small real servers in the test's own process: the shop's pages on an origin of their own, each test with its own.

What enters: paths and what they answer. What leaves: HTTP, and the list of what was asked.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

HOST = "localhost"
OTHER_HOST = "127.0.0.1"  # the same pages on a domain of their own
TYPES = {".js": "text/javascript", ".json": "application/json"}

# What goes wrong in a page is kept there, so that a test sees whether the snippet's faults reached it.
WATCH = """<script nonce="page">window.faults = [];
addEventListener('error', event => faults.push(String(event.message || event.target.src)));
addEventListener('unhandledrejection', event => faults.push(String(event.reason)));
addEventListener('securitypolicyviolation', event => faults.push(event.violatedDirective + ' ' + event.blockedURI));
addEventListener('message', event => faults.push(...event.data.faults ?? []));</script>"""


class Answer(NamedTuple):
    body: str
    headers: dict[str, str] = {}
    status: int = 200


class Server:
    """Answers by the handler class on a free port until it is stopped."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Shop:
    """A shop's front: `put` says what a path shows; any other path shows a plain page with the tag."""

    def __init__(self, collector: str, site: str) -> None:
        self.collector = collector
        self.site = site
        self.asked: list[str] = []
        self._answers: dict[str, Answer] = {}
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/favicon.ico":
                    answer = Answer("", status=404)
                else:
                    shop.asked.append(self.path)
                    answer = shop._answers.get(path) or Answer(shop.page(path))
                body = answer.body.encode()
                self.send_response(answer.status)
                ending = path[path.rfind(".") :] if "." in path else ""
                self.send_header("Content-Type", f"{TYPES.get(ending, 'text/html')}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Tests read `asked`."""

        self._server = Server(Handler)
        self.url = self._server.url

    def tag(self, **attributes: str) -> str:
        """The tag as a shop pastes it; `data_user` stands for `data-user`."""
        said = {"data_key": f"wk_{self.site}"} | attributes
        more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in said.items())
        return f'<script async src="{self.collector}/f.js"{more}></script>'

    def page(self, title: str, body: str = "", head: str = "", tag: str | None = None) -> str:
        """A page with the tag in its head, behind `head`."""
        return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
{WATCH}{head}{self.tag() if tag is None else tag}</head><body><h1>{title}</h1>{body}</body></html>"""

    def put(self, path: str, body: str = "", *, head: str = "", tag: str | None = None, **headers: str) -> None:
        """What `path` shows; `_` in a header's name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers[path] = Answer(self.page(path, body, head, tag), named)

    def put_raw(self, path: str, text: str) -> None:
        """What `path` answers, as it is."""
        self._answers[path] = Answer(text)

    def stop(self) -> None:
        self._server.stop()
