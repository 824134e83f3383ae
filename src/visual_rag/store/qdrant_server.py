"""A Qdrant server at the other end: connecting, trying again what may go well next time, its errors as ours.

    server = Server.connect(settings, "manuals")
    server.ask("counting pages of", lambda client: client.count("manuals")).count

Every request of `qdrant.py` goes through `Server.ask`, the one place that translates. No message holds the API key.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from visual_rag.errors import (
    CollectionNotFound,
    InvalidInput,
    MissingDependency,
    StoreError,
    StoreUnavailable,
    VisualRagError,
)
from visual_rag.server_settings import ServerSettings

try:
    import grpc  # type: ignore[import-untyped]  # comes with qdrant-client, without type information
    from qdrant_client import QdrantClient, models
    from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error

T = TypeVar("T")
log = logging.getLogger(__name__)

_TRANSIENT = {"429", "500", "501", "502", "503", "504", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
_KEY_REFUSED = {"401", "403", "UNAUTHENTICATED", "PERMISSION_DENIED"}
_NOT_FOUND = {"404", "NOT_FOUND"}
_LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
_REFUSALS = (
    TypeError,
    ValueError,
    OverflowError,
)  # a value that the client cannot send, and all of local mode's errors
_ERRORS = (grpc.RpcError, ApiException, QdrantException, RuntimeError, *_REFUSALS)
_LONGEST_WAIT_S = 30.0
_SCROLL_POINTS = 256
_MOST_CHARACTERS = 300  # of what a server says, in a message
_backoff_s = wait_exponential(multiplier=0.2, max=8.0) + wait_random(0.0, 0.2)


class Server:
    """A client, and the collection that its requests are about.

    Attributes:
        collection: Its name.
    """

    def __init__(self, client: QdrantClient, settings: ServerSettings, collection: str, *, is_own: bool) -> None:
        """Wrap a client; `is_own` says whether `close` closes it."""
        self._client: QdrantClient | None = client
        self._settings = settings
        self._is_own = is_own
        self.collection = collection
        self._address = settings.url if is_own else "the given client"

    @classmethod
    def connect(cls, settings: ServerSettings, collection: str) -> Self:
        """Make a client. Nothing is sent yet, so a wrong address shows at the first request."""
        client = QdrantClient(
            url=settings.url,
            api_key=settings.api_key,
            prefer_grpc=settings.prefer_grpc,
            grpc_port=settings.grpc_port,
            timeout=math.ceil(settings.timeout_s),
            check_compatibility=False,  # it asks from a thread of its own, and can only warn
        )
        return cls(client, settings, collection, is_own=True)

    @property
    def place(self) -> str:
        """What requests are about, for messages."""
        return f"collection '{self.collection}' on {self._address}"

    def ask(self, doing: str, call: Callable[[QdrantClient], T], *, is_repeatable: bool = True) -> T:
        """Send a request, again where the server does not answer or is overloaded.

        Args:
            doing: What is tried, for messages, such as `searching`.
            call: Sends it; repeating it must do no harm.
            is_repeatable: False tries once.

        Raises:
            StoreUnavailable: The server does not answer, or is overloaded, after all tries.
            CollectionNotFound: It has no such collection.
            InvalidInput: The client cannot send a value.
            StoreError: The server refuses the key or the request, or the store was closed.
        """
        if self._client is None:
            raise StoreError(f"{self.place} is closed; open it again", collection=self.collection)
        started = time.monotonic()
        retrying = Retrying(
            retry=retry_if_exception(_is_transient),
            wait=_wait_s,
            stop=stop_after_attempt(self._settings.n_tries if is_repeatable else 1),
            before_sleep=self._note,
            reraise=True,
        )
        try:
            return retrying(call, self._client)
        except VisualRagError:
            raise
        except _ERRORS as error:
            tried = f"{retrying.statistics.get('attempt_number', 1)} tries in {time.monotonic() - started:.1f} s"
            raise self._translated(error, f"{doing} {self.place} failed", tried) from error

    def scroll(self, collection: str, condition: models.Filter | None, *, with_payload: Any) -> Iterator[models.Record]:
        """Go through the points of a collection that meet a condition, in requests of a few hundred."""
        options: dict[str, Any] = {"scroll_filter": condition, "with_payload": with_payload, "limit": _SCROLL_POINTS}
        while True:
            rows, offset = self.ask("reading", lambda client: client.scroll(collection, **options))
            yield from rows
            if offset is None:
                return
            options["offset"] = offset

    def close(self) -> None:
        """Forget the client, and close it if it is ours. A second call does nothing."""
        client, self._client = self._client, None
        if client is not None and self._is_own:
            client.close()

    def _note(self, state: RetryCallState) -> None:
        fault = state.outcome.exception() if state.outcome else None
        wait_s = state.next_action.sleep if state.next_action else 0.0
        log.info("%s: %s; trying again in %.1f s", self.place, self._said(fault), wait_s)

    def _translated(self, error: Exception, failed: str, tried: str) -> VisualRagError:
        code, said = _code(error), self._said(error)
        if _is_transient(error):
            return StoreUnavailable(
                f"{failed} after {tried}: {said}. Check that the server runs and is reached there"
                f"{self._ports()}, then try again",
                collection=self.collection,
            )
        if code in _KEY_REFUSED:
            refused = "the API key" if self._settings.api_key else "requests without an API key"
            return StoreError(
                f"{failed}: the server refuses {refused}"
                f" ({said}). Set ServerSettings(api_key=...) to one that may do this",
                collection=self.collection,
            )
        if (code in _NOT_FOUND or isinstance(error, ValueError)) and _names_missing_collection(said):
            return CollectionNotFound(
                f"{failed}: there is no such collection. Check its name, or create it", collection=self.collection
            )
        if isinstance(error, _REFUSALS):
            return InvalidInput(f"{failed}: the client cannot send a value: {said}. Check what was handed in")
        return StoreError(
            f"{failed}: {said}. See the server's log; it may be older than what is asked of it",
            collection=self.collection,
        )

    def _ports(self) -> str:
        if not self._is_own or not self._settings.prefer_grpc:
            return ""
        return f" (gRPC on port {self._settings.grpc_port}; prefer_grpc=False does without)"

    def _said(self, error: BaseException | None) -> str:
        """What went wrong, in the server's words where it has some; one line, without the key."""
        said = " ".join(_words(error).split()) or type(error).__name__
        key = self._settings.api_key
        said = said.replace(key, "***") if key else said
        return said if len(said) <= _MOST_CHARACTERS else f"{said[:_MOST_CHARACTERS]} ..."


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, ResponseHandlingException):
        # A certificate that does not fit is a connection that fails, and fails again.
        return isinstance(error.source, _LOST) and "CERTIFICATE" not in str(error.source)
    return isinstance(error, ResourceExhaustedResponse) or _code(error) in _TRANSIENT


def _code(error: BaseException) -> str:
    """HTTP status or name of the gRPC status, "" where there is none."""
    if isinstance(error, UnexpectedResponse):
        return str(error.status_code)
    return str(error.code().name) if isinstance(error, grpc.RpcError) else ""


def _words(error: BaseException | None) -> str:
    if isinstance(error, UnexpectedResponse):
        try:
            words = json.loads(error.content)["status"]["error"]
        except (ValueError, KeyError, TypeError):
            words = f"{error.reason_phrase} {error.content[:_MOST_CHARACTERS].decode(errors='replace')}"
        return f"{error.status_code} {words}"
    if isinstance(error, grpc.RpcError):
        return f"{error.code().name} {error.details()}"
    if isinstance(error, ResponseHandlingException):
        return str(error.source) or type(error.source).__name__
    return str(error)


def _names_missing_collection(said: str) -> bool:
    return "ollection" in said and any(sign in said for sign in ("not found", "doesn't exist", "does not exist"))


def _wait_s(state: RetryCallState) -> float:
    """Twice as long each time, or as long as the server asks for."""
    fault = state.outcome.exception() if state.outcome else None
    if isinstance(fault, ResourceExhaustedResponse):
        return min(float(fault.retry_after_s), _LONGEST_WAIT_S)
    return _backoff_s(state)
