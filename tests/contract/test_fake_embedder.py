"""The fake embedder keeps every promise that a real one makes."""

from visual_rag.testing import EmbedderContract, FakeEmbedder


class TestFakeEmbedder(EmbedderContract):
    """See `EmbedderContract`."""

    def make_embedder(self) -> FakeEmbedder:
        return FakeEmbedder()
