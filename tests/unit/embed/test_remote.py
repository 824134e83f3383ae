"""The client of a served model, against a real HTTP server on this machine that answers in vLLM's shape."""

import base64
import contextlib
import hashlib
import io
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_socket import socket_allow_hosts

from visual_rag.embed.model_server import Retries
from visual_rag.embed.remote import RemoteEmbedder, load_remote
from visual_rag.errors import (
    EmbeddingError,
    InvalidInput,
    ModelLoadError,
    ModelUnavailable,
    UnhealthyEmbedding,
)
from visual_rag.records import FloatArray, Page
from visual_rag.scoring import maxsim
from visual_rag.settings import MODEL_KEY_VARIABLE, ModelSettings
from visual_rag.testing import EmbedderContract, FakeEmbedder, make_page

MODEL = "TomoroAI/tomoro-colqwen3-embed-4b"
QUICK = Retries(n_tries=3, first_wait_s=0.01, longest_wait_s=0.05)


class FakeServer(ThreadingHTTPServer):
    """Serves a FakeEmbedder: a page has one row for each quarter of its height.

    Attributes:
        faults: What goes wrong with the next requests to /pooling, one each.
        models: Names served.
        key: That requests must bring, "" for none.
        dim: Length of a row.
        bodies: Of the requests to /pooling.
        most_under_way: Requests to /pooling that were answered at the same time.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[str] = []
        self.models = [MODEL]
        self.key = ""
        self.dim = 16
        self.bodies: list[dict[str, Any]] = []
        self.most_under_way = 0
        self.wait_s = 0.0
        self._under_way = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """As a user types it."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away, which tests make them do."""

    def pool(self, body: dict[str, Any]) -> list[FloatArray]:
        """Embed what the request holds."""
        embedder = FakeEmbedder(dim=self.dim)
        assert (body["model"], body["task"], body["encoding_format"]) == (self.models[0], "token_embed", "float")
        if "input" in body:
            return [query.vectors for query in embedder.embed_queries(body["input"])]
        [message] = body["messages"]
        picture, prompt = message["content"]
        assert (message["role"], prompt["text"]) == ("user", "Describe the image.")
        image = Image.open(io.BytesIO(base64.b64decode(picture["image_url"]["url"].partition(",")[2])))
        edges = [round(image.height * part / 4) for part in range(5)]
        parts = [image.crop((0, top, image.width, low)) for top, low in itertools.pairwise(edges)]
        return [np.concatenate([query.vectors for query in embedder.embed_query_images(parts)])]

    def counted(self, body: dict[str, Any]) -> list[FloatArray]:
        """Embed, and note how many do so at the same time."""
        with self._lock:
            self.bodies.append(body)
            self._under_way += 1
            self.most_under_way = max(self.most_under_way, self._under_way)
        time.sleep(self.wait_s)
        with self._lock:
            self._under_way -= 1
        return self.pool(body)

    def next_fault(self) -> str:
        """What goes wrong now, "" for nothing."""
        with self._lock:
            return self.faults.pop(0) if self.faults else ""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        """List the models."""
        if self.server.key and self.headers.get("Authorization") != f"Bearer {self.server.key}":
            self.answer(401, {"error": "Unauthorized"})
        else:
            self.answer(
                200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.server.models]}
            )

    def do_POST(self) -> None:
        """Pool, or go wrong."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.server.next_fault()
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "slow":
            time.sleep(1.0)
        if fault == "drip":
            self.drip()
            return
        if fault.isdecimal():
            error = {"message": f"no luck with {fault}", "type": "Error", "code": int(fault)}
            self.answer(int(fault), {"error": error}, {"Retry-After": "0"})
            return
        if fault == "date":
            self.answer(429, {"detail": "too many"}, {"Retry-After": formatdate(time.time(), usegmt=True)})
            return
        rows = [array.tolist() for array in self.server.counted(body)]
        self.answer(
            200, _spoilt([{"index": n, "object": "pooling", "data": item} for n, item in enumerate(rows)], fault)
        )

    def drip(self) -> None:
        """Begin an answer that does not end for a long time, a byte at a time."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):  # until the client has had enough
            for _ in range(1000):
                self.wfile.write(b" ")
                time.sleep(0.05)

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        """Send JSON; NaN as Python writes it."""
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


def _spoilt(data: list[dict[str, Any]], fault: str) -> Any:
    if fault in BAD_ROWS:
        data[0]["data"] = BAD_ROWS[fault](data[0]["data"])
    answer = {"id": "pool-1", "object": "list", "model": MODEL, "data": data, "usage": {"prompt_tokens": 1}}
    return BAD_ANSWERS[fault](answer) if fault in BAD_ANSWERS else answer


BAD_ROWS: dict[str, Callable[[Any], Any]] = {
    "nan": lambda rows: [[float("nan"), *rows[0][1:]], *rows[1:]],
    "null": lambda rows: [[None, *rows[0][1:]], *rows[1:]],
    "zero": lambda rows: [[0.0] * len(rows[0]), *rows[1:]],
    "one vector": lambda rows: rows[0],
    "no rows": lambda rows: [],
    "ragged": lambda rows: [[1.0, 0.0], [1.0]],
    "text": lambda rows: "AAAA",
}
BAD_ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "garbage": lambda answer: b"<html>Welcome to nginx!</html>",
    "list": lambda answer: answer["data"],
    "no data": lambda answer: {"object": "list"},
    "too many": lambda answer: answer | {"data": [*answer["data"], {**answer["data"][0], "index": 1}]},
    "backwards": lambda answer: answer | {"data": answer["data"][::-1]},
}


@pytest.fixture
def server(socket_enabled: None) -> Iterator[FakeServer]:
    """A server on this machine; no other can be reached."""
    socket_allow_hosts(["127.0.0.1"])
    served = FakeServer()
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def load(server: FakeServer, settings: ModelSettings | None = None) -> RemoteEmbedder:
    """Load what is served, with short waits."""
    return load_remote(server.url, settings or ModelSettings(), retries=QUICK)


class TestRemote(EmbedderContract):
    """See `EmbedderContract`."""

    tolerance = 1e-6

    @pytest.fixture(autouse=True)
    def _serve(self, server: FakeServer) -> None:
        self._server = server

    def make_embedder(self) -> RemoteEmbedder:
        return load(self._server)


PAGES = [make_page(f"{text} " * 30, index) for index, text in enumerate(["oil filter", "wiring", "warranty"])]


def test_rows_are_those_of_the_served_model(server: FakeServer) -> None:
    """Nothing is lost on the way, and a picture finds its page."""
    embedder = load(server)
    embeddings = embedder.embed_pages(PAGES)
    [query] = embedder.embed_queries(["oil filter"])
    np.testing.assert_allclose(query.vectors, FakeEmbedder(dim=16).embed_queries(["oil filter"])[0].vectors, atol=1e-6)
    assert query.tokens == ("token 1", "token 2")
    for index, page in enumerate(PAGES):
        [picture] = embedder.embed_query_images([page.image])
        assert picture.tokens == ("part 1", "part 2", "part 3", "part 4")
        assert np.argmax([maxsim(picture.vectors, embedding.vectors) for embedding in embeddings]) == index


def test_each_row_has_the_whole_page(server: FakeServer) -> None:
    """The server does not tell more."""
    [embedding] = load(server).embed_pages(PAGES[:1])
    assert embedding.regions.tolist() == [[0, 0, 1, 1]] * 4
    assert embedding.is_patch.all()


def test_questions_go_out_together_and_come_back_in_order(server: FakeServer) -> None:
    """Whatever order the server answers in; more than 32 are split."""
    embedder = load(server)
    texts = [f"question {number}" for number in range(40)]
    server.faults = ["backwards"]
    found = embedder.embed_queries(texts)
    assert [len(body["input"]) for body in server.bodies] == [1, 32, 8]
    for query, expected in zip(found, FakeEmbedder(dim=16).embed_queries(texts), strict=True):
        np.testing.assert_allclose(query.vectors, expected.vectors, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_so_many_pages_are_under_way_at_a_time(server: FakeServer, batch_size: int) -> None:
    """As the setting says, and results are in input order."""
    embedder = load(server, ModelSettings(batch_size=batch_size))
    server.wait_s = 0.3
    found = embedder.embed_pages(PAGES * 2)
    assert server.most_under_way == batch_size == embedder.pages_at_once
    np.testing.assert_array_equal([e.vectors for e in found[:3]], [e.vectors for e in found[3:]])


def test_large_pages_go_one_by_one(server: FakeServer) -> None:
    """About 8 MB are under way at a time."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    large = [Page(page_index=n, image=Image.fromarray(noise + np.uint8(n)), page_hash="") for n in range(2)]
    embedder = load(server)
    server.wait_s = 0.1
    embedder.embed_pages(large)
    assert server.most_under_way == 1


@pytest.mark.parametrize(("mimetype", "sent"), [("image/webp", "image/webp"), ("image/tiff", "image/png")])
def test_a_page_is_sent_as_it_is_kept(server: FakeServer, mimetype: str, sent: str) -> None:
    """Unless vLLM may not read that kind of file."""
    page = PAGES[0]
    kept = Page(page_index=0, image=page.image, page_hash="", encoded_image=page.encoded_image, image_mimetype=mimetype)
    load(server).embed_pages([kept])
    url = server.bodies[-1]["messages"][0]["content"][0]["image_url"]["url"]
    head, _, content = url.partition(",")
    assert head == f"data:{sent};base64"
    assert (base64.b64decode(content) == page.encoded_image) == (sent == mimetype)


@pytest.mark.parametrize("faults", [["503", "503"], ["429"], ["502", "504"], ["drop"], ["date", "drop"]])
def test_what_passes_is_tried_again(server: FakeServer, faults: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """With a warning for each."""
    embedder = load(server)
    server.faults = list(faults)
    with caplog.at_level(logging.WARNING):
        assert len(embedder.embed_pages(PAGES[:1])) == 1
    assert not server.faults
    assert [record.getMessage() for record in caplog.records if "trying again in" in record.getMessage()] == (
        caplog.messages
    )
    assert len(caplog.messages) == len(faults)


def test_a_slow_answer_is_tried_again(server: FakeServer) -> None:
    """After `timeout_s`."""
    embedder = load(server, ModelSettings(timeout_s=0.4))
    server.faults = ["slow"]
    assert len(embedder.embed_queries(["oil"])) == 1
    server.faults = ["slow"] * QUICK.n_tries
    with pytest.raises(ModelUnavailable, match="ReadTimeout"):
        embedder.embed_queries(["oil"])


@pytest.mark.parametrize(("after_s", "least_s", "most_s"), [("0", 0.0, 10.0), ("1", 0.9, 10.0), ("600", 0.9, 10.0)])
def test_the_server_says_how_long_to_wait(server: FakeServer, after_s: str, least_s: float, most_s: float) -> None:
    """Its Retry-After comes before our own waits, and is capped by the longest."""
    embedder = load_remote(server.url, ModelSettings(), retries=Retries(first_wait_s=30.0, longest_wait_s=1.0))
    answers = [(503, after_s)]
    original = Handler.answer

    class Asking(Handler):
        def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
            if answers:
                status, wait = answers.pop()
                headers = {"Retry-After": wait}
            original(self, status, content, headers)

    server.RequestHandlerClass = Asking
    started = time.monotonic()
    embedder.embed_queries(["oil"])
    assert least_s <= time.monotonic() - started <= most_s


def test_waits_grow_twice_as_long_each_time(server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    """Up to the longest."""
    retries = Retries(n_tries=5, first_wait_s=0.1, longest_wait_s=0.3)
    embedder = load_remote(server.url, ModelSettings(), retries=retries)
    server.faults = ["drop"] * 4
    with caplog.at_level(logging.WARNING):
        embedder.embed_queries(["oil"])
    assert [message.rpartition("in ")[2] for message in caplog.messages] == ["0.1 s", "0.2 s", "0.3 s", "0.3 s"]


def test_a_server_that_stays_away_is_an_error_to_be_tried_later(server: FakeServer) -> None:
    """An ingest ends there; no page is at fault."""
    embedder = load(server)
    server.faults = ["503"] * QUICK.n_tries
    with pytest.raises(
        ModelUnavailable, match=r"does not answer \(HTTP 503: no luck with 503; tried 3 times\)"
    ) as caught:
        embedder.embed_pages(PAGES[:1])
    assert caught.value.retryable
    assert caught.value.model == server.url


def test_a_server_that_is_not_there(server: FakeServer) -> None:
    """Nothing listens on the port."""
    with FakeServer() as other:
        url = other.url
    with pytest.raises(ModelUnavailable, match="ConnectError"):
        load_remote(url, ModelSettings(), retries=QUICK)


def test_an_answer_that_does_not_end_is_given_up_on(server: FakeServer) -> None:
    """The limit is on the whole request, not on each byte."""
    embedder = load(server, ModelSettings(timeout_s=0.3))
    server.faults = ["drip"] * QUICK.n_tries
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="does not end"):
        embedder.embed_pages(PAGES[:1])
    assert time.monotonic() - started < 10


def test_a_page_that_the_server_fails_on_costs_only_itself(server: FakeServer) -> None:
    """While it answers a plain question; when it does not, it is away."""
    embedder = load(server)
    server.faults = ["500"] * QUICK.n_tries
    with pytest.raises(EmbeddingError, match="fails on this input each time") as caught:
        embedder.embed_pages(PAGES[:1])
    assert not caught.value.retryable
    server.faults = ["500"] * (QUICK.n_tries + 1)
    with pytest.raises(ModelUnavailable):
        embedder.embed_pages(PAGES[:1])


def test_a_model_that_is_no_longer_served_ends_an_ingest(server: FakeServer) -> None:
    """No page is at fault, so none is tried alone: neither for a lost model nor for one of other rows."""
    embedder = load(server)
    server.faults = ["404"]
    with pytest.raises(ModelLoadError, match=r"no longer the model .HTTP 404: no luck with 404"):
        embedder.embed_pages(PAGES[:1])
    server.dim = 24
    with pytest.raises(ModelLoadError, match="rows of 24 values, and gave 16 at first"):
        embedder.embed_pages(PAGES[:1])


@pytest.mark.parametrize("fault", ["400", "413"])
def test_a_refused_request_is_not_tried_again(server: FakeServer, fault: str) -> None:
    """The message has what the server says."""
    embedder = load(server)
    server.faults = [fault, "drop"]
    with pytest.raises(EmbeddingError, match=f"refuses /pooling .HTTP {fault}: no luck with {fault}") as caught:
        embedder.embed_pages(PAGES[:1])
    assert not caught.value.retryable
    assert server.faults == ["drop"]


@pytest.mark.parametrize("fault", ["garbage", "list", "no data", "ragged", "text"])
def test_an_answer_in_another_shape_is_refused(server: FakeServer, fault: str) -> None:
    """It names the server and shows what came."""
    embedder = load(server)
    server.faults = [fault]
    with pytest.raises(EmbeddingError, match="not in the shape of vLLM's pooling API"):
        embedder.embed_pages(PAGES[:1])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("nan", "zero or not finite"),
        ("null", "zero or not finite"),
        ("zero", "zero or not finite"),
        ("one vector", r"shape \(16,\), expected \(n_vectors, dim\)"),
        ("no rows", r"shape \(0,\), expected \(n_vectors, dim\)"),
    ],
)
def test_rows_that_are_not_healthy_are_refused(server: FakeServer, fault: str, message: str) -> None:
    """Before any store sees them, for pages and for questions."""
    embedder = load(server)
    for embed in (lambda: embedder.embed_pages(PAGES[:1]), lambda: embedder.embed_queries(["oil"])):
        server.faults = [fault]
        with pytest.raises(UnhealthyEmbedding, match=message):
            embed()


def test_one_multi_vector_for_each_input_is_expected(server: FakeServer) -> None:
    """A row too many could belong to anything."""
    embedder = load(server)
    server.faults = ["too many"]
    with pytest.raises(EmbeddingError, match="2 multi-vectors to 1 inputs"):
        embedder.embed_pages(PAGES[:1])


def test_the_identity_names_the_server_and_the_model(server: FakeServer) -> None:
    """The length of a row is learnt from the server."""
    server.dim = 24
    identity = load(server).identity
    assert (identity.name, identity.revision, identity.dim) == (server.url, "served", 24)
    assert identity.weights_hash == hashlib.sha256(f"remote:{MODEL}".encode()).hexdigest()


@pytest.mark.parametrize("tail", [f"#{MODEL}", f"/#{MODEL}", f"/v1#{MODEL}", "/", "/v1"])
def test_a_model_is_named_after_the_address(server: FakeServer, tail: str) -> None:
    """Or not named, where there is one; /v1 is what other clients want."""
    embedder = load_remote(server.url + tail, ModelSettings(), retries=QUICK)
    assert embedder.identity.name == server.url + tail
    assert len(embedder.embed_pages(PAGES[:1])) == 1


def test_of_several_models_one_must_be_named(server: FakeServer) -> None:
    """The message lists them and shows how."""
    server.models = [MODEL, "other"]
    with pytest.raises(
        ModelLoadError, match=f"serves 2 models .{MODEL}, other.; add which, as in {server.url}#{MODEL}"
    ):
        load(server)
    assert load_remote(f"{server.url}#{MODEL}", ModelSettings(), retries=QUICK)


def test_a_model_that_is_not_served_is_refused(server: FakeServer) -> None:
    """The message lists what is; also where nothing is."""
    with pytest.raises(ModelLoadError, match=f"does not serve 'other'; it serves: {MODEL}"):
        load_remote(f"{server.url}#other", ModelSettings(), retries=QUICK)
    server.models = []
    with pytest.raises(ModelLoadError, match=r"serves 0 models \(none\)"):
        load(server)


def test_a_key_is_taken_from_the_environment(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the message names the variable."""
    server.key = "secret"
    monkeypatch.delenv(MODEL_KEY_VARIABLE, raising=False)
    with pytest.raises(ModelLoadError, match=rf"refuses the key \(HTTP 401: Unauthorized\); set {MODEL_KEY_VARIABLE}"):
        load(server)
    monkeypatch.setenv(MODEL_KEY_VARIABLE, "secret")
    assert load(server).identity.dim == 16


@pytest.mark.parametrize("url", ["ftp://host", "http://", "host:8000", "http://host:port", "http://host?a=b"])
def test_what_is_no_server_is_refused(url: str) -> None:
    """Before anything is sent; the message shows how to write it."""
    with pytest.raises(InvalidInput, match="write http://host:8000 or http://host:8000#name"):
        load_remote(url, ModelSettings())


def test_a_key_in_the_address_is_refused() -> None:
    """The address is kept with the index; the message does not repeat it."""
    with pytest.raises(InvalidInput, match=MODEL_KEY_VARIABLE) as caught:
        load_remote("https://me:secret@host", ModelSettings())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("settings", [ModelSettings(max_visual_tokens=64), ModelSettings(shortlist_pooling="rows")])
def test_settings_that_a_served_model_cannot_follow_are_refused(settings: ModelSettings) -> None:
    """Rather than left aside."""
    with pytest.raises(InvalidInput, match=r"server's to set|where its rows stand"):
        load_remote("http://host:8000", settings)


def test_rows_are_merged_as_the_settings_say(server: FakeServer) -> None:
    """Four rows become two."""
    pytest.importorskip("scipy", reason="merging rows needs scipy")
    embedder = load(server, ModelSettings(pool_factor=2))
    assert embedder.pooling == "ward2+clusters64"
    assert len(embedder.embed_pages(PAGES[:1])[0].vectors) == 2


def test_it_needs_no_torch() -> None:
    """The base install runs it."""
    import subprocess
    import sys

    program = "import sys, visual_rag.embed.remote; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent, check=False).returncode == 0
