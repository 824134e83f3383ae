"""A late-interaction model that a vLLM server runs: pages and questions go out over HTTP, multi-vectors come back.

    vllm serve TomoroAI/tomoro-colqwen3-embed-4b --max-model-len 4096        # on a machine with a GPU
    embedder = load_remote("http://gpu-box:8000", ModelSettings())          # here; no torch needed

What is supported is vLLM's pooling API with the task `token_embed`, as vLLM 0.18 documents it for ColQwen3:

    GET  /v1/models  ->  {"data": [{"id": "TomoroAI/tomoro-colqwen3-embed-4b", ...}]}
    POST /pooling        {"model": id, "task": "token_embed", "encoding_format": "float", "input": ["a question", ...]}
    POST /pooling        {"model": id, "task": "token_embed", "encoding_format": "float", "messages": [{"role": "user",
                          "content": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,..."}},
                                      {"type": "text", "text": "Describe the image."}]}]}
    each answers     ->  {"data": [{"index": 0, "object": "pooling", "data": [[0.01, ...], ...]}, ...], ...}

A conversation is one input, so a page is one request; several are under way at a time, and vLLM puts them together on
its side. Rows come as plain numbers because the shorter `base64` does not tell their shape.

What to know of it:

- Questions go out as they are, pages with "Describe the image.", as in vLLM's own example for ColQwen3
  (examples/pooling/token_embed/colqwen3_token_embed_online.py). The server puts its chat template around pages only. A
  model whose questions had a prefix or augmentation tokens in training (ColPali, ColQwen2, ColSmol) gets neither.
- The server does not tell which part of a page a row saw: each row has the whole page as its region, and rows of the
  prompt count as patches.
- Its weights cannot be fingerprinted: other weights under the same name are not noticed.
- `--api-key` of vLLM guards /v1 only, not /pooling: to keep others out, put a proxy before it.

Not exercised: a real vLLM server; the tests talk HTTP to a local server that answers in this shape. Not supported:
single-vector models, and `jina-embeddings-v4`, whose vLLM checkpoints give hidden states that are to be averaged.
"""

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx
import numpy as np
from PIL import Image

from visual_rag.embed.model_server import ModelServer, Retries
from visual_rag.embed.pooling import merged, picture_query, pooling_name, shortlist_rows
from visual_rag.embed.protocol import check_questions
from visual_rag.embed.regions import WHOLE_PAGE
from visual_rag.errors import InvalidInput, ModelLoadError
from visual_rag.records import SERVED, FloatArray, ModelIdentity, Page, PageEmbedding, QueryEmbedding
from visual_rag.settings import MODEL_KEY_VARIABLE, ModelSettings, refuse_changed

_PAGE_DPI = 144
_PAGES_AT_ONCE = 8
_BYTES_AT_ONCE = 8_000_000
_QUERIES_AT_ONCE = 32
_PAGE_PROMPT = "Describe the image."
_PROBE = "page"
_SENT_AS_THEY_ARE = {"image/jpeg", "image/png", "image/webp"}
_EXAMPLES = "http://host:8000 or http://host:8000#name"


class RemoteEmbedder:
    """A served late-interaction model. Passes `EmbedderContract`."""

    def __init__(self, url: str, server: ModelServer, model_id: str, dim: int, settings: ModelSettings) -> None:
        """Take what `load_remote` found out.

        Args:
            url: As the user typed it.
            server: That it means.
            model_id: Of a model that is served there.
            dim: Length of its rows.
            settings: For the number of requests at a time, and pooling.
        """
        self._url = url
        self._server = server
        self._model_id = model_id
        self._dim = dim
        self._settings = settings

    @property
    def identity(self) -> ModelIdentity:
        """The address, and the name that it serves the model by; its weights are not known here."""
        return ModelIdentity(
            name=self._url,
            revision=SERVED,
            weights_hash=hashlib.sha256(f"remote:{self._model_id}".encode()).hexdigest(),
            dim=self._dim,
            backend="vllm pooling API",
            template=hashlib.sha256(_PAGE_PROMPT.encode()).hexdigest()[:16],
        )

    @property
    def page_dpi(self) -> int:
        """144, as for the same models when they run here."""
        return _PAGE_DPI

    @property
    def pages_at_once(self) -> int:
        """Requests that are under way at a time."""
        return self._settings.batch_size or _PAGES_AT_ONCE

    @property
    def pooling(self) -> str:
        """What is done to a page's rows."""
        return pooling_name(self._settings)

    def embed_pages(self, pages: Sequence[Page]) -> list[PageEmbedding]:
        """Embed pages, several at a time. Each row has the whole page as its region and counts as a patch.

        Raises:
            ModelUnavailable: The server does not answer.
            UnhealthyEmbedding: Values are not finite, or rows of another length than at loading.
            EmbeddingError: It refuses a page, or answers something else.
        """
        all_rows = self._image_rows(_data_url(page) for page in pages)
        return [merged(_page_embedding(rows), self._settings) for rows in all_rows]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryEmbedding]:
        """Embed questions. The server does not tell its tokens: rows are numbered.

        Raises:
            InvalidInput: A text is empty.
            EmbeddingError: As in `embed_pages`.
        """
        check_questions(texts)
        with self._server.client() as client:
            all_rows = [
                self._of_our_dim(rows)
                for start in range(0, len(texts), _QUERIES_AT_ONCE)
                for rows in _text_rows(self._server, client, self._model_id, texts[start : start + _QUERIES_AT_ONCE])
            ]
        return [_query_embedding(rows) for rows in all_rows]

    def embed_query_images(self, images: Sequence[Image.Image]) -> list[QueryEmbedding]:
        """Embed pictures as pages are, and keep at most 64 rows of each, the means of rows that are alike."""
        all_rows = self._image_rows(_png_url(image) for image in images)
        return [picture_query(rows) for rows in all_rows]

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """Make the rows of the shortlist: shape (n_pooled, dim)."""
        return shortlist_rows(embedding, self._settings.shortlist_pooling)

    def _image_rows(self, data_urls: Iterable[str]) -> list[FloatArray]:
        def ask(data_url: str) -> FloatArray:
            body = _request(self._model_id, {"messages": _conversation(data_url)})
            [rows] = self._server.multi_vectors(client, body, n_inputs=1)
            return self._of_our_dim(rows)

        with self._server.client() as client:
            batches = _batches(data_urls, self.pages_at_once, _BYTES_AT_ONCE)
            return [rows for batch in batches for rows in _all_at_once(ask, batch)]

    def _of_our_dim(self, rows: FloatArray) -> FloatArray:
        if rows.shape[1] != self._dim:
            raise ModelLoadError(
                f"{self._url} gives rows of {rows.shape[1]} values, and gave {self._dim} at first; "
                "the server runs another model now: load it anew",
                model=self._url,
            )
        return rows


def load_remote(url: str, settings: ModelSettings, *, retries: Retries | None = None) -> RemoteEmbedder:
    """Find the model that is served at an address, and ask it one short question to learn the length of its rows.

    Args:
        url: `http://host:8000`, where one model is served there, else `http://host:8000#name`.
        settings: `timeout_s` of one request, `batch_size` of pages under way at a time, and pooling are used.
        retries: See `ModelServer`.

    Raises:
        InvalidInput: It is no such URL, or a setting needs what the server does not tell.
        ModelUnavailable: The server does not answer.
        ModelLoadError: Another model is served, or several, or the key is refused.
        EmbeddingError: The server does not know the pooling API, or gives no multi-vectors.
    """
    address, wanted = _parse(url)
    refuse_changed(settings, ("revision", "base_model", "device", "dtype"), "a served model")
    if settings.max_visual_tokens is not None:
        raise InvalidInput("max_visual_tokens is the server's to set; start it with --mm-processor-kwargs")
    for lines in {settings.shortlist_pooling, settings.full_pooling} & {"rows", "columns"}:
        raise InvalidInput(
            f"a served model does not tell where its rows stand, which pooling by '{lines}' needs; "
            "take ward or clusters64"
        )
    server = ModelServer(address, timeout_s=settings.timeout_s, retries=retries)
    with server.client() as client:
        model_id = _choose(url, address, server.model_ids(client), wanted)
        [probe] = _text_rows(server, client, model_id, [_PROBE])
    return RemoteEmbedder(url, server, model_id, probe.shape[1], settings)


def _parse(url: str) -> tuple[str, str]:
    """Split what a user types into the server's address and the model's name, "" where none is given."""
    if "@" in url.partition("#")[0]:
        raise InvalidInput(f"a key in a URL would be kept with the index; set {MODEL_KEY_VARIABLE} instead")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"'{url[:200]}' is no URL ({error}); write {_EXAMPLES}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query:
        raise InvalidInput(f"'{url[:200]}' is no model server; write {_EXAMPLES}")
    address = str(parsed.copy_with(fragment=None)).rstrip("/").removesuffix("/v1")
    return address, parsed.fragment


def _choose(url: str, address: str, served: list[str], wanted: str) -> str:
    if wanted in served:
        return wanted
    names = ", ".join(served) or "none"
    if wanted:
        raise ModelLoadError(f"{address} does not serve '{wanted}'; it serves: {names}", model=url)
    if len(served) != 1:
        raise ModelLoadError(
            f"{address} serves {len(served)} models ({names}); add which, as in {address}#{(served or ['name'])[0]}",
            model=url,
        )
    return served[0]


def _text_rows(server: ModelServer, client: httpx.Client, model_id: str, texts: Sequence[str]) -> list[FloatArray]:
    return server.multi_vectors(client, _request(model_id, {"input": list(texts)}), n_inputs=len(texts))


def _request(model_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"model": model_id, "task": "token_embed", "encoding_format": "float", **inputs}


def _conversation(data_url: str) -> list[dict[str, Any]]:
    picture = {"type": "image_url", "image_url": {"url": data_url}}
    prompt = {"type": "text", "text": _PAGE_PROMPT}
    return [{"role": "user", "content": [picture, prompt]}]


def _data_url(page: Page) -> str:
    if page.encoded_image and page.image_mimetype in _SENT_AS_THEY_ARE:
        return _as_url(page.encoded_image, page.image_mimetype)
    return _png_url(page.image)


def _png_url(image: Image.Image) -> str:
    file = io.BytesIO()
    image.convert("RGB").save(file, "PNG")
    return _as_url(file.getvalue(), "image/png")


def _as_url(content: bytes, mimetype: str) -> str:
    return f"data:{mimetype};base64,{base64.b64encode(content).decode()}"


def _all_at_once(ask: Callable[[str], FloatArray], items: Sequence[str]) -> list[FloatArray]:
    """Ask for all items, each in a thread of its own that nobody has to wait for: Ctrl-C ends a server's silence."""
    answers: SimpleQueue[tuple[int, FloatArray | Exception]] = SimpleQueue()

    def work(place: int, item: str) -> None:
        try:
            answers.put((place, ask(item)))
        except Exception as error:  # noqa: BLE001  # raised again by the thread that asked
            answers.put((place, error))

    for place, item in enumerate(items):
        Thread(target=work, args=(place, item), daemon=True).start()
    found: dict[int, FloatArray] = {}
    while len(found) < len(items):
        place, answer = answers.get()
        if isinstance(answer, Exception):
            raise answer
        found[place] = answer
    return [found[place] for place in range(len(items))]


def _batches(items: Iterable[str], most: int, most_bytes: int) -> Iterator[list[str]]:
    """Cut items into runs of at most `most`, and of at most `most_bytes` unless one alone is longer.

    >>> list(_batches(["aa", "b", "c", "ddddd"], 2, 3))
    [['aa', 'b'], ['c'], ['ddddd']]
    """
    batch: list[str] = []
    n_bytes = 0
    for item in items:
        if batch and (len(batch) == most or n_bytes + len(item) > most_bytes):
            yield batch
            batch, n_bytes = [], 0
        batch.append(item)
        n_bytes += len(item)
    if batch:
        yield batch


def _page_embedding(rows: FloatArray) -> PageEmbedding:
    regions = np.tile(WHOLE_PAGE, (len(rows), 1))
    return PageEmbedding(vectors=rows, regions=regions, is_patch=np.ones(len(rows), dtype=np.bool_))


def _query_embedding(rows: FloatArray) -> QueryEmbedding:
    return QueryEmbedding(vectors=rows, tokens=tuple(f"token {number}" for number in range(1, len(rows) + 1)))
