"""Settings of a Qdrant server refuse what cannot work, and show no secret."""

from typing import Any

import pytest

from visual_rag.errors import InvalidInput
from visual_rag.server_settings import ServerSettings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "localhost:6333"}, "http://"),
        ({"url": "ftp://host"}, "http://"),
        ({"url": "http://"}, "a host"),
        ({"url": "http://host:99999"}, "cannot be read"),
        ({"url": None}, "needs http"),
        ({"grpc_port": 0}, "grpc_port is 0"),
        ({"timeout_s": 0}, "timeout_s is 0"),
        ({"timeout_s": float("nan")}, "timeout_s is nan"),
        ({"n_tries": 0}, "n_tries is 0"),
        ({"shard_number": 0}, "shard_number is 0"),
        ({"shard_number": True}, "shard_number is True"),
        ({"replication_factor": 2.5}, "replication_factor is 2.5"),
        ({"replication_factor": 1, "write_consistency_factor": 2}, "write_consistency_factor 2"),
        ({"hnsw_m": -1}, "hnsw_m is -1"),
        ({"hnsw_m": None}, "hnsw_m is None"),
        ({"quantization": "product"}, "scalar, binary"),
        ({"tenant_field": ""}, "tenant_field is empty"),
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, Any], said: str) -> None:
    """The message names the value and what it may be."""
    with pytest.raises(InvalidInput, match=said):
        ServerSettings(**values)


def test_a_url_with_a_secret_is_refused_without_showing_it() -> None:
    """The client would drop it silently, and every message names the URL."""
    for url in ("https://me:hush@host:6333", "https://host?api_key=hush", "https://host#hush"):
        with pytest.raises(InvalidInput, match="api_key") as caught:
            ServerSettings(url=url)
        assert "hush" not in str(caught.value)


def test_the_key_is_not_shown() -> None:
    """Neither by `repr` nor by `str`."""
    settings = ServerSettings(api_key="hush")
    assert settings.api_key == "hush"
    assert "hush" not in f"{settings!r} {settings}"
