"""A server that fails, refuses or hangs: tiny ones on this machine, over real HTTP and gRPC."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from qdrant_client import grpc as proto

from visual_rag.errors import CollectionNotFound, StoreError, StoreUnavailable
from visual_rag.server_settings import ServerSettings
from visual_rag.store.qdrant import QdrantStore
from visual_rag.store.qdrant_server import Server

KEY = "hush-hush-4711"
COUNTED = {"result": {"count": 7}, "status": "ok", "time": 0.0}
Answer = tuple[int, Any, dict[str, str]]


def _error(status: int, words: str, **headers: str) -> Answer:
    return status, {"status": {"error": words}, "time": 0.0}, headers


class FakeServer(ThreadingHTTPServer):
    """Gives the answers it was made with, in order, and the last one for ever."""

    daemon_threads = True

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.n_requests = 0
        self.paths: list[str] = []
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        server.paths.append(self.path)
        server.keys.append(self.headers.get("api-key"))
        status, body, headers = server.answers[min(server.n_requests, len(server.answers) - 1)]
        server.n_requests += 1
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def serve() -> Iterator[Callable[[list[Answer]], FakeServer]]:
    """Start servers that end with the test."""
    servers: list[FakeServer] = []

    def start(answers: list[Answer]) -> FakeServer:
        servers.append(FakeServer(answers))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _count(url: str, **settings: Any) -> int:
    server = Server.connect(ServerSettings(url=url, **{"prefer_grpc": False, **settings}), "manuals")
    try:
        return server.ask("counting pages of", lambda client: client.count("manuals")).count
    finally:
        server.close()


def test_what_fails_twice_is_tried_a_third_time(serve: Callable[[list[Answer]], FakeServer]) -> None:
    """The caller sees the answer alone."""
    server = serve([_error(500, "busy"), _error(503, "busy"), (200, COUNTED, {})])
    assert _count(server.url) == 7
    assert server.n_requests == 3


def test_a_server_that_asks_for_time_gets_it(serve: Callable[[list[Answer]], FakeServer]) -> None:
    """`Retry-After` of an overloaded server is waited for."""
    server = serve([_error(429, "slow down", Retry_After="1"), (200, COUNTED, {})])
    started = time.monotonic()
    assert _count(server.url) == 7
    assert time.monotonic() - started >= 1


def test_a_server_that_keeps_failing_is_unavailable(serve: Callable[[list[Answer]], FakeServer]) -> None:
    """After as many tries as were asked for; the message names collection, address, tries and the server's words."""
    server = serve([_error(502, "no leader")])
    with pytest.raises(StoreUnavailable) as caught:
        _count(server.url, n_tries=3)
    assert server.n_requests == 3
    assert caught.value.retryable
    for part in ("counting pages of collection 'manuals'", server.url, "3 tries", "502", "no leader"):
        assert part in str(caught.value)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_at_once_and_never_shown(
    serve: Callable[[list[Answer]], FakeServer], status: int
) -> None:
    """It was sent; no second try; the message says where to set it, and hides it where the server repeats it."""
    server = serve([_error(status, f"Invalid API key {KEY}")])
    with pytest.warns(UserWarning, match="insecure connection"), pytest.raises(StoreError) as caught:
        _count(server.url, api_key=KEY)
    assert (server.n_requests, server.keys) == (1, [KEY])
    assert "refuses the API key" in str(caught.value)
    assert "ServerSettings(api_key=...)" in str(caught.value)
    assert KEY not in str(caught.value)


def test_no_key_where_one_is_wanted(serve: Callable[[list[Answer]], FakeServer]) -> None:
    """The message says that one is wanted."""
    with pytest.raises(StoreError, match=r"without an API key .*401 Must provide an API key"):
        _count(serve([_error(401, "Must provide an API key")]).url)


def test_a_missing_collection_is_told_from_other_refusals(serve: Callable[[list[Answer]], FakeServer]) -> None:
    """404 alone is no proof: a proxy gives it for any path it does not know."""
    with pytest.raises(CollectionNotFound, match="'manuals'"):
        _count(serve([_error(404, "Not found: Collection `manuals` doesn't exist!")]).url)
    with pytest.raises(StoreError, match="404 Not Found") as caught:
        _count(serve([(404, "nothing here", {})]).url)
    assert not isinstance(caught.value, CollectionNotFound)
    with pytest.raises(StoreError, match="400 Wrong input"):
        _count(serve([_error(400, "Wrong input: no such thing")]).url)


def test_a_server_that_hangs_is_given_up_in_time() -> None:
    """After the timeout of each try."""
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections, and never answers
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"2 tries.*timed out"):
            _count(url, timeout_s=1, n_tries=2)
    assert 2 <= time.monotonic() - started < 5


@pytest.mark.parametrize("prefer_grpc", [True, False])
def test_no_server_at_all(prefer_grpc: bool) -> None:  # noqa: FBT001
    """Opening names the address; with gRPC its port and the way without."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = ServerSettings(
        url=f"http://127.0.0.1:{port}", grpc_port=port, prefer_grpc=prefer_grpc, n_tries=2, timeout_s=2
    )
    with pytest.raises(StoreUnavailable, match=f"opening collection 'manuals' on http://127.0.0.1:{port}") as caught:
        QdrantStore.open(settings, "manuals")
    assert (f"gRPC on port {port}" in str(caught.value)) is prefer_grpc


def test_a_path_prefix_is_kept(serve: Callable[[list[Answer]], FakeServer]) -> None:
    """As behind a reverse proxy."""
    server = serve([(200, COUNTED, {})])
    assert _count(f"{server.url}/search/v1") == 7
    assert server.paths == ["/search/v1/collections/manuals/points/count"]


class FakePoints(proto.PointsServicer):
    """Counts after as many failures as it was made with."""

    def __init__(self, *failures: tuple[grpc.StatusCode, str]) -> None:
        self.failures = list(failures)
        self.n_requests = 0

    def Count(self, request: Any, context: Any) -> Any:  # noqa: N802  # the name of the protocol
        self.n_requests += 1
        if self.failures:
            context.abort(*self.failures.pop(0))
        return proto.CountResponse(result=proto.CountResult(count=7))


def _count_by_grpc(points: FakePoints, **settings: Any) -> int:
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    proto.points_service_pb2_grpc.add_PointsServicer_to_server(points, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        return _count("http://127.0.0.1:1", prefer_grpc=True, grpc_port=port, **settings)
    finally:
        server.stop(None).wait()


def test_grpc_is_tried_again_as_http_is() -> None:
    """Where the server is away, slow or overloaded."""
    codes = (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
    points = FakePoints(*((code, "busy") for code in codes))
    assert _count_by_grpc(points) == 7
    assert points.n_requests == 4


@pytest.mark.parametrize(
    ("code", "words", "error", "said"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, f"Invalid API key {KEY}", StoreError, "refuses the API key"),
        (grpc.StatusCode.PERMISSION_DENIED, "Global access is required", StoreError, "refuses the API key"),
        (grpc.StatusCode.NOT_FOUND, "Not found: Collection `m` doesn't exist!", CollectionNotFound, "no such"),
        (grpc.StatusCode.INVALID_ARGUMENT, "Wrong input: 5", StoreError, "INVALID_ARGUMENT Wrong input: 5"),
    ],
)
def test_what_grpc_refuses_is_translated_as_for_http(
    code: grpc.StatusCode, words: str, error: type[StoreError], said: str
) -> None:
    """At once, without a second try; the key is hidden where the server repeats it."""
    points = FakePoints((code, words))
    with pytest.warns(UserWarning, match="insecure connection"), pytest.raises(error, match=said) as caught:
        _count_by_grpc(points, api_key=KEY)
    assert points.n_requests == 1
    assert KEY not in str(caught.value)
