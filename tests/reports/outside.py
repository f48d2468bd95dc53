"""Outside sources on loopback: Reddit's API, feeds and Open311, and what goes wrong with them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Reply:
    """What the server answers."""

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: Fewer bytes than promised are sent, and the connection ends.
    is_cut: bool = False


@dataclass(frozen=True)
class Asked:
    """A request that the server got."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str = ""


Route = Callable[[Asked], Reply]


def unknown(_: Asked) -> Reply:
    return Reply("unknown", 404)


class Outside:
    """A server whose answers a test sets by path; the last request of all is `asked[-1]`."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        outside = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outside.answer(self)

            def do_POST(self) -> None:
                outside.answer(self)

            def log_message(self, *_: Any) -> None:
                """Keep the output of the tests clean."""

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        asked = Asked(
            parts.path,
            {name: values[-1] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(length).decode(),
        )
        self.asked.append(asked)
        route = self.routes.get(parts.path, unknown)
        self._send(handler, route(asked))

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if reply.is_cut:
            body = body[: len(body) // 2]
            handler.close_connection = True
        if reply.status != 304:
            handler.wfile.write(body)

    def gives(self, path: str, reply: Reply | Route) -> None:
        """Answer this from now on."""
        self.routes[path] = reply if callable(reply) else lambda _: reply

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


@contextmanager
def outside_server() -> Iterator[Outside]:
    server = Outside()
    try:
        yield server
    finally:
        server.httpd.shutdown()
        server.httpd.server_close()


# --- Feeds ---------------------------------------------------------------------------------------


def entry(name: str, title: str, text: str = "", more: str = "") -> str:
    """An Atom entry."""
    return (
        f"<entry><id>urn:{name}</id><title>{title}</title><content type='html'>{text}</content>"
        f"<link href='https://news.example.org/{name}'/><author><name>Jane Roe</name></author>"
        f"<published>2026-01-05T10:00:00Z</published><updated>2026-01-05T10:00:00Z</updated>"
        f"{more}</entry>"
    )


def atom(*entries: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:georss="http://www.georss.org/georss" '
        'xmlns:at="http://purl.org/atompub/tombstones/1.0">'
        f"<title>News</title><id>news</id>{''.join(entries)}</feed>"
    )


# --- Open311 -------------------------------------------------------------------------------------


def request(number: int, requested: str, **more: Any) -> dict[str, Any]:
    """A service request as GeoReport v2 gives it in JSON."""
    return {
        "service_request_id": str(number),
        "status": "open",
        "service_name": "Pothole",
        "service_code": "pothole",
        "description": f"Pothole number {number}.",
        "requested_datetime": requested,
        "updated_datetime": requested,
        "lat": 41.31,
        "long": -72.92,
        "address": "100 Church Street",
    } | more


class City:
    """Another city's Open311: the requests between two times, in pages."""

    def __init__(self, server: Outside, *, page_rows: int = 1000, has_pages: bool = True) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.page_rows, self.has_pages = page_rows, has_pages
        self.server = server
        server.gives("/open311/v2/requests.json", self.list)
        server.gives("/open311/v2/requests.xml", self.list_xml)

    def add(self, *requests: dict[str, Any]) -> None:
        for one in requests:
            number = one["service_request_id"]
            self.requests[number] = one
            self.server.gives(f"/open311/v2/requests/{number}.json", self.single(number))

    def single(self, number: str) -> Route:
        return lambda _: (
            Reply(json.dumps([self.requests[number]]))
            if number in self.requests
            else Reply('[{"code": 404, "description": "unknown"}]', 404)
        )

    def chosen(self, asked: Asked) -> list[dict[str, Any]]:
        start, end = asked.query["start_date"], asked.query["end_date"]
        between = [
            one for one in self.requests.values() if start <= one["requested_datetime"] <= end
        ]
        between.sort(key=lambda one: str(one["requested_datetime"]), reverse=True)
        page = int(asked.query.get("page", 1)) if self.has_pages else 1
        return between[(page - 1) * self.page_rows : page * self.page_rows]

    def list(self, asked: Asked) -> Reply:
        return Reply(json.dumps(self.chosen(asked)))

    def list_xml(self, asked: Asked) -> Reply:
        rows = (
            "<request>" + "".join(f"<{k}>{v}</{k}>" for k, v in one.items()) + "</request>"
            for one in self.chosen(asked)
        )
        return Reply(
            f'<?xml version="1.0" encoding="utf-8"?><service_requests>{"".join(rows)}'
            "</service_requests>"
        )


# --- Reddit --------------------------------------------------------------------------------------


class Subreddit:
    """Reddit's API, as much of it as praw needs to list a subreddit and to ask for posts."""

    def __init__(self, server: Outside, name: str = "newhaven") -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.remaining = 900
        server.gives(
            "/api/v1/access_token",
            Reply(json.dumps({"access_token": "t", "expires_in": 3600, "scope": "*"})),
        )
        server.gives(f"/r/{name}/new", lambda asked: self._listing(asked, "t3"))
        server.gives(f"/r/{name}/comments/", lambda asked: self._listing(asked, "t1"))
        server.gives("/api/info/", self._info)

    def submit(self, name: str, created: float, **more: Any) -> None:
        self.things[f"t3_{name}"] = {
            "id": name,
            "name": f"t3_{name}",
            "title": "Dark street",
            "selftext": "The street light on Oak Street is out.",
            "author": "maria_k",
            "created_utc": created,
            "edited": False,
            "permalink": f"/r/newhaven/comments/{name}/",
            "url": f"https://www.reddit.com/r/newhaven/comments/{name}/",
        } | more

    def comment(self, name: str, created: float, **more: Any) -> None:
        self.things[f"t1_{name}"] = {
            "id": name,
            "name": f"t1_{name}",
            "body": "Same here.",
            "author": "joe_b",
            "created_utc": created,
            "edited": False,
            "permalink": f"/r/newhaven/comments/x/_/{name}/",
            "link_id": "t3_x",
        } | more

    def _listing(self, asked: Asked, kind: str) -> Reply:
        things = [one for name, one in self.things.items() if name.startswith(kind)]
        things.sort(key=lambda one: -float(one["created_utc"]))
        names = [str(one["name"]) for one in things]
        start = names.index(asked.query["after"]) + 1 if "after" in asked.query else 0
        limit = min(int(asked.query.get("limit", 25)), 100)
        page = things[start : start + limit]
        after = page[-1]["name"] if start + limit < len(things) else None
        return self._give(kind, page, after)

    def _info(self, asked: Asked) -> Reply:
        names = asked.query["id"].split(",")
        return self._give("", [self.things[name] for name in names if name in self.things], None)

    def _give(self, kind: str, page: list[dict[str, Any]], after: str | None) -> Reply:
        children = [{"kind": kind or str(one["name"])[:2], "data": one} for one in page]
        listing = {"kind": "Listing", "data": {"children": children, "after": after}}
        limits = {
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": "10",
            "x-ratelimit-reset": "300",
        }
        return Reply(json.dumps(listing), headers=limits)
