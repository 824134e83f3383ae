"""How a Qdrant server is reached and what a new index costs there: values only, nothing is connected.

>>> ServerSettings(url="https://qdrant.example.com:6333", api_key="secret")
ServerSettings(url='https://qdrant.example.com:6333', collection='visual_rag', prefer_grpc=True, ...)
"""

from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from visual_rag.errors import InvalidInput

Quantization = Literal["scalar", "binary"]
_MOST_SECONDS = 86_400
_LEAST_AND_MOST = {
    "grpc_port": (1, 65_535),
    "n_tries": (1, 100),
    "shard_number": (1, 10_000),
    "replication_factor": (1, 1000),
    "write_consistency_factor": (1, 1000),
    "hnsw_m": (0, 512),
}
_OPTIONAL = {"shard_number", "replication_factor", "write_consistency_factor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """A Qdrant server, cluster or cloud. From `shard_number` on, all but `read_only` count at creation alone.

    Attributes:
        url: `http://` or `https://` (TLS, for gRPC as well), host, port (6333 where none is named), and the path
            prefix, if the server has one; gRPC goes to the same host and knows no prefix.
        collection: Name of the index there.
        api_key: Of the server; shown nowhere. None takes `$QDRANT_API_KEY` where an index is opened by its folder.
        prefer_grpc: Send points and searches as gRPC, which is smaller than JSON; False uses REST alone.
        grpc_port: Of the same host.
        timeout_s: Of one request; the client counts in whole seconds, rounded up.
        n_tries: So often a request is tried when the server does not answer or is overloaded.
        shard_number: Parts that the pages are spread over; None takes the server's default.
        replication_factor: Copies of each part; None takes the server's default.
        write_consistency_factor: Copies that must have a write before it counts; None takes the server's default.
        on_disk: Read full vectors and payload from disk; False keeps them in memory too.
        quantization: Search the shortlist in pooled vectors of 8 bits (`scalar`) or 1 bit (`binary`) a value, kept in
            memory beside the true ones.
        hnsw_m: Edges of each page in a graph over the pooled vectors; 0 scans them, which is exact.
        tenant_field: Metadata field that your searches are filtered by (each names it in `where`; nothing adds it):
            pages of one value are kept together, and a graph is made for each value instead of one for all.
        read_only: Refuse to write.
    """

    url: str = "http://localhost:6333"
    collection: str = "visual_rag"
    api_key: str | None = field(default=None, repr=False)
    prefer_grpc: bool = True
    grpc_port: int = 6334
    timeout_s: float = 60.0
    n_tries: int = 5
    shard_number: int | None = None
    replication_factor: int | None = None
    write_consistency_factor: int | None = None
    on_disk: bool = True
    quantization: Quantization | None = None
    hnsw_m: int = 0
    tenant_field: str | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what no server can be reached or asked with.

        Raises:
            InvalidInput: The URL is none, or holds more than an address; a number is out of range; a name is unknown.
        """
        _check_url(self.url)
        for name, (least, most) in _LEAST_AND_MOST.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise InvalidInput(f"{name} is {value!r}; it is a whole number from {least} to {most:,}")
        if not isinstance(self.timeout_s, int | float) or not 0 < self.timeout_s <= _MOST_SECONDS:
            raise InvalidInput(f"timeout_s is {self.timeout_s!r}; it is a number of seconds above 0")
        if self.quantization not in {None, *get_args(Quantization)}:
            raise InvalidInput(
                f"no quantization is called {self.quantization!r}; known: {', '.join(get_args(Quantization))}, None"
            )
        if not self.collection or not isinstance(self.collection, str):
            raise InvalidInput(f"collection is {self.collection!r}; give it a name")
        if self.tenant_field == "":
            raise InvalidInput("tenant_field is empty; name a metadata field, or leave it out")
        if self.replication_factor is not None and (self.write_consistency_factor or 0) > self.replication_factor:
            raise InvalidInput(
                f"write_consistency_factor {self.write_consistency_factor} needs as many copies: set "
                f"replication_factor, which is {self.replication_factor}, to that or more"
            )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port  # the port is read when it is asked for
    except (ValueError, AttributeError) as error:
        raise InvalidInput("the url cannot be read; write it like https://host:6333") from error
    if parts.scheme not in {"http", "https"} or not has_host:
        raise InvalidInput("the url needs http:// or https:// and a host, such as http://localhost:6333")
    if parts.username is not None or parts.query or parts.fragment:  # not shown: it may be a secret
        raise InvalidInput("the url holds more than an address; give the key as api_key, and no user, query or #")
