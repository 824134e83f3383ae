"""HTTP to a vLLM server: requests with retries, answers checked, errors as ours. What is asked is in `remote.py`.

server = ModelServer("http://gpu-box:8000", timeout_s=120)
with server.client() as client:
    [model_id] = server.model_ids(client)
    [rows] = server.multi_vectors(client, {"model": model_id, "input": ["a question"]}, n_inputs=1)
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import numpy as np
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from visual_rag.errors import EmbeddingError, ModelLoadError, ModelUnavailable, UnhealthyEmbedding
from visual_rag.records import FloatArray
from visual_rag.scoring import normalise_rows
from visual_rag.settings import MODEL_KEY_VARIABLE, model_api_key

log = logging.getLogger(__name__)

_TRANSIENT_STATUS = {429, 500, 502, 503, 504}  # 500: vLLM whose engine is dead or starts anew
_NOT_FOUND, _SERVERS_OWN = 404, 500
_PLAIN = "page"  # a question that every model answers
_REFUSED_STATUS = {401, 403}
_CONNECT_TIMEOUT_S = 10.0
_MOST_BYTES = 500_000_000  # a page of 8,000 rows of 4,096 values as text takes some 400 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a request is tried, and how long is waited between: twice as long each time.

    Attributes:
        n_tries: All in all.
        first_wait_s: Before the second; what the server asks for by `Retry-After` comes before it.
        longest_wait_s: Never more, whatever the server asks for.
    """

    n_tries: int = 5
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0


class _TransientError(Exception):
    """What may go well the next time."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, is_servers_own: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_servers_own = is_servers_own


class ModelServer:
    """A server by its address."""

    def __init__(self, address: str, *, timeout_s: float, retries: Retries | None = None) -> None:
        """Connect to nothing yet.

        Args:
            address: Such as `http://host:8000`.
            timeout_s: Of one request.
            retries: On connections refused or lost, timeouts, and the statuses 429, 500, 502, 503 and 504; None takes
                five tries, with 8 seconds of waiting in between.
        """
        self.address = address
        self._retries = retries or Retries()
        key = model_api_key()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._timeout_s = timeout_s
        self._timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S))
        self._tls = httpx.create_ssl_context()  # takes 20 ms, so not once for each client

    def client(self) -> httpx.Client:
        """Make a client for one `with`; threads may share it."""
        return httpx.Client(base_url=self.address, headers=self._headers, timeout=self._timeout, verify=self._tls)

    def model_ids(self, client: httpx.Client) -> list[str]:
        """List the names that models are served by.

        Raises:
            EmbeddingError: As in `multi_vectors`.
        """
        content = self._ask(client, "/v1/models")
        try:
            return [str(model["id"]) for model in content["data"]]
        except (KeyError, TypeError) as error:
            raise self._unknown(content) from error

    def multi_vectors(self, client: httpx.Client, body: dict[str, Any], *, n_inputs: int) -> list[FloatArray]:
        """Post to the pooling API.

        Args:
            client: From `client`.
            body: The request.
            n_inputs: How many multi-vectors it asks for.

        Returns:
            Shape (n_vectors, dim) for each input, in order; float32, rows of length 1.

        Raises:
            ModelUnavailable: The server does not answer, after all tries.
            ModelLoadError: It refuses the key, or wants one.
            UnhealthyEmbedding: It gives something else than multi-vectors, or values that are not finite.
            EmbeddingError: It refuses the request; the message has what it says. Or it is no vLLM server.
        """
        content = self._ask(client, "/pooling", body)
        try:
            items = sorted(content["data"], key=lambda item: int(item["index"]))
            with np.errstate(over="ignore"):  # what is too large is refused below
                arrays = [np.array(item["data"], dtype=np.float32) for item in items]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._unknown(content) from error
        if len(arrays) != n_inputs:
            raise EmbeddingError(
                f"{self.address} answers {len(arrays)} multi-vectors to {n_inputs} inputs; see the server's log",
                model=self.address,
            )
        return [self._healthy(array) for array in arrays]

    def _ask(self, client: httpx.Client, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Get `path`, or post `body` to it, and read the JSON object that comes back."""
        retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            wait=self._wait_s,
            stop=stop_after_attempt(self._retries.n_tries),
            before_sleep=self._note,
            reraise=True,
        )
        try:
            response = retrying(_try, client, path, body, self._timeout_s)
        except _TransientError as error:
            if error.is_servers_own and body is not None and self._answers(client, body):
                raise EmbeddingError(
                    f"{self.address} fails on this input each time ({error}); see the server's log", model=self.address
                ) from error
            raise ModelUnavailable(
                f"the model server {self.address} does not answer ({error}; tried {self._retries.n_tries} times); "
                "see whether it runs, then try again",
                model=self.address,
            ) from error
        return self._read(response)

    def _answers(self, client: httpx.Client, body: dict[str, Any]) -> bool:
        """Whether the server answers a plain question: then its error was about what was sent."""
        plain = {name: value for name, value in body.items() if name != "messages"} | {"input": [_PLAIN]}
        try:
            return bool(_try(client, "/pooling", plain, self._timeout_s).is_success)
        except _TransientError:
            return False

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, _TransientError) else None
        wait_s = self._retries.first_wait_s * 2 ** (state.attempt_number - 1) if asked is None else asked
        return min(wait_s, self._retries.longest_wait_s)

    def _note(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("%s: %s; trying again in %.1f s", self.address, error, state.upcoming_sleep)

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code == _NOT_FOUND:
            raise ModelLoadError(
                f"{self.address} has no {response.url.path}, or no longer the model ({_said(response)}); "
                "see what it serves",
                model=self.address,
            )
        if response.status_code in _REFUSED_STATUS:
            raise ModelLoadError(
                f"{self.address} refuses the key ({_said(response)}); set {MODEL_KEY_VARIABLE}", model=self.address
            )
        if not response.is_success:
            raise EmbeddingError(
                f"{self.address} refuses {response.url.path} ({_said(response)}); see how the server was started",
                model=self.address,
            )
        try:
            content = response.json()
        except (ValueError, RecursionError) as error:
            raise self._unknown(response.text) from error
        if not isinstance(content, dict):
            raise self._unknown(content)
        return content

    def _healthy(self, array: FloatArray) -> FloatArray:
        if array.ndim != 2 or not array.size:
            raise UnhealthyEmbedding(
                f"{self.address} gives an array of shape {array.shape}, expected (n_vectors, dim); "
                "serve a late-interaction model",
                model=self.address,
            )
        try:
            return normalise_rows(array)
        except UnhealthyEmbedding as error:
            raise UnhealthyEmbedding(
                f"{self.address} gives rows that are zero or not finite; start the server with another --dtype",
                model=self.address,
            ) from error

    def _unknown(self, content: Any) -> EmbeddingError:
        return EmbeddingError(
            f"{self.address} answers {str(content)[:80]!r}, which is not in the shape of vLLM's pooling API; "
            "name a server that was started with `vllm serve`",
            model=self.address,
        )


def _try(client: httpx.Client, path: str, body: dict[str, Any] | None, timeout_s: float) -> httpx.Response:
    """Ask once, for no longer than that in all: httpx's own limit begins anew with every byte."""
    latest = time.monotonic() + timeout_s
    content = bytearray()
    try:
        with client.stream("GET" if body is None else "POST", path, json=body) as response:
            for part in response.iter_bytes():
                content += part
                if time.monotonic() > latest or len(content) > _MOST_BYTES:
                    raise _TransientError(f"an answer that does not end ({len(content):,} bytes so far)")
    except httpx.RequestError as error:
        raise _TransientError(f"{type(error).__name__}: {error}") from error
    headers = {"Retry-After": response.headers["Retry-After"]} if "Retry-After" in response.headers else {}
    response = httpx.Response(response.status_code, headers=headers, content=bytes(content), request=response.request)
    if response.status_code in _TRANSIENT_STATUS:
        is_servers_own = response.status_code == _SERVERS_OWN
        raise _TransientError(_said(response), retry_after_s=_retry_after_s(response), is_servers_own=is_servers_own)
    return response


def _said(response: httpx.Response) -> str:
    """What the server says of an error: vLLM puts it under `error` or at the top, FastAPI under `detail`."""
    try:
        content = response.json()
    except ValueError:
        content = response.text
    if isinstance(content, dict):
        error = content.get("error", content)
        content = error.get("message") or error.get("detail") or error if isinstance(error, dict) else error
    return f"HTTP {response.status_code}: {str(content).strip()[:300] or response.reason_phrase}"


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None where it is absent or neither."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.astimezone(UTC) - datetime.now(UTC)).total_seconds())
