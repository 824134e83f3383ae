"""The facade that a user holds: an index in a folder. It wires the rooms and holds no logic of its own.

with VisualIndex.open_or_create("manuals.index") as index:
    index.add("manuals/")
    for hit in index.search("wiring diagram of the pump"):
        print(hit.rank, hit.page.document_name, hit.page.page_number, hit.score)
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from PIL.Image import Image

from visual_rag.embed.models import DEFAULT_MODEL, load_embedder
from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import CollectionNotFound, InvalidInput
from visual_rag.ingest.pipeline import Ingestor, OnProgress
from visual_rag.passport import IndexPassport
from visual_rag.records import Document, DocumentRecord, Hit, IngestReport, PageRecord
from visual_rag.render import renderer_version
from visual_rag.retrieve.contact_sheet import contact_sheets_html, contact_sheets_png
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import Renderer, RenderSettings, SearchSettings, StoreSettings, default_index_folder
from visual_rag.sources.local import source_uri
from visual_rag.store.edge import EdgeStore
from visual_rag.store.filters import AnyOf
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import StoreSize
from visual_rag.store.schema import DOCUMENT_ID

if TYPE_CHECKING:
    from llama_index.core.vector_stores import MetadataFilters

    from visual_rag.llama_index import ImageSettings, VisualRetriever

FolderLike = str | os.PathLike[str]
Password = str | Callable[[Document], str | None]
_VECTORS, _IMAGES = "vectors", "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """What an index was built with and what it holds.

    Attributes:
        folder: Where it lies.
        passport: What shaped its vectors.
        size: Counts, and bytes of the vectors and the ledger.
        image_bytes: Bytes of the kept page images.
    """

    folder: Path
    passport: IndexPassport
    size: StoreSize
    image_bytes: int


class VisualIndex:
    """Pages of documents in one folder, found by what they show. Make one by `open`, `create` or `open_or_create`."""

    def __init__(
        self,
        folder: Path,
        store: EdgeStore,
        embedder: PageEmbedder | None,
        render: RenderSettings,
        search: SearchSettings,
    ) -> None:
        self.folder = folder
        self._store = store
        self._given_embedder = embedder
        self._render = render
        self._search = search
        self._images = PageImages(str(folder / _IMAGES))
        self._searcher: PageSearcher | None = None

    @classmethod
    def create(
        cls,
        folder: FolderLike | None = None,
        *,
        model: str | PageEmbedder = DEFAULT_MODEL,
        render: RenderSettings | None = None,
        store: StoreSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Self:
        """Make a new, empty index.

        Args:
            folder: Where; None takes `$VISUAL_RAG_INDEX`, else `.visual_rag` in the current folder.
            model: A name of `visual_rag.embed.models.MODELS`, or an embedder of your own.
            render: How pages are rendered.
            store: How vectors are kept.
            search: How pages are looked for.

        Raises:
            StoreError: There is an index already, or something else lies in the folder.
            EmbeddingError: The model cannot be loaded.
        """
        path = Path(folder) if folder is not None else default_index_folder()
        embedder = load_embedder(model) if isinstance(model, str) else model
        render = render or RenderSettings()
        passport = IndexPassport(
            model=embedder.identity,
            dpi=render.dpi or embedder.page_dpi,
            renderer=renderer_version(render.renderer),
            pooling=embedder.pooling,
            datatype=(store or StoreSettings()).datatype,
        )
        opened = EdgeStore.create(path / _VECTORS, passport)
        return cls(path, opened, embedder, render, search or SearchSettings())

    @classmethod
    def open(
        cls,
        folder: FolderLike | None = None,
        *,
        model: str | PageEmbedder | None = None,
        render: RenderSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Self:
        """Open an index that exists, with the model it was built with.

        Args:
            folder: Where; None takes `$VISUAL_RAG_INDEX`, else `.visual_rag` in the current folder.
            model: None takes the one the index was built with. Anything else must be the same model.
            render: Limits for further documents; dpi and renderer stay those of the index.
            search: How pages are looked for.

        Raises:
            CollectionNotFound: There is no index in the folder.
            StoreLocked: Another process holds it.
            PassportMismatch: `model` or `render` is not what the index was built with.
            UnknownModel: The index was built with an embedder of your own: hand it in as `model`.
        """
        path = Path(folder) if folder is not None else default_index_folder()
        opened = EdgeStore.open(path / _VECTORS)
        passport, asked = opened.passport, render or RenderSettings(renderer=_renderer_of(opened.passport))
        try:
            embedder = load_embedder(model) if isinstance(model, str) else model
            if embedder is not None:
                passport.check_model(embedder.identity, index=str(path))
            passport.check_settings(
                dpi=asked.dpi or passport.dpi, renderer=asked.renderer, datatype=passport.datatype, index=str(path)
            )
        except BaseException:
            opened.close()
            raise
        return cls(path, opened, embedder, asked, search or SearchSettings())

    @classmethod
    def open_or_create(
        cls,
        folder: FolderLike | None = None,
        *,
        model: str | PageEmbedder | None = None,
        render: RenderSettings | None = None,
        store: StoreSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Self:
        """Open the index in a folder, or make one there. Arguments and errors as for `open` and `create`."""
        try:
            return cls.open(folder, model=model, render=render, search=search)
        except CollectionNotFound:
            return cls.create(folder, model=model or DEFAULT_MODEL, render=render, store=store, search=search)

    def add(
        self,
        *paths: FolderLike,
        password: Password | None = None,
        on_progress: OnProgress | None = None,
        strict: bool = False,
    ) -> IngestReport:
        """Bring files and folders into the index; what is in it unchanged costs nothing.

        Args:
            paths: PDF and image files, or folders of them.
            password: For documents that need one: the password, or a function from the document to it.
            on_progress: Called after every page.
            strict: Raise at the first document or page that fails, instead of noting it in the report.

        Raises:
            InvalidInput: No path was given.
            SourceError: A path does not exist or may not be read.
            PassportMismatch: The installed model or renderer is not what the index was built with.
            DocumentError: With `strict`, what failed first.
        """
        if not paths:
            raise InvalidInput("no path was given; name files or folders to add")
        self._searcher = None
        return self._ingestor().add(
            [Path(path) for path in paths],
            password_for=_password_function(password),
            on_progress=on_progress,
            strict=strict,
        )

    def remove(self, *documents: FolderLike) -> int:
        """Take documents out of the index; the files themselves are left alone.

        Args:
            documents: File names, paths or source URIs; a folder means all documents in it.

        Returns:
            How many pages were removed.

        Raises:
            InvalidInput: Nothing in the index goes by one of the names, or a bare name means several documents.
        """
        chosen = [record.document.document_id for name in documents for record in self._matching(os.fspath(name))]
        self._searcher = None
        return self._ingestor().remove(list(dict.fromkeys(chosen)))

    def search(
        self, question: str, *, k: int = 5, documents: Sequence[FolderLike] = (), min_similarity: float = 0.0
    ) -> list[Hit]:
        """Find the pages that show what the question asks for, best first.

        Args:
            question: Plain words.
            k: Most hits to return.
            documents: Look only in these; names as for `remove`.
            min_similarity: Leave out hits below; in [0, 1].

        Raises:
            InvalidInput: The question holds no word, `k` is below 1, or a document is unknown.
        """
        return self.searcher.search(question, k=k, condition=self._condition(documents), min_similarity=min_similarity)

    def search_image(
        self, image: Image, *, k: int = 5, documents: Sequence[FolderLike] = (), min_similarity: float = 0.0
    ) -> list[Hit]:
        """Find the pages that show a picture or look like it. Arguments and errors as for `search`."""
        return self.searcher.search_image(
            image, k=k, condition=self._condition(documents), min_similarity=min_similarity
        )

    def show(self, question: str, hits: Sequence[Hit], path: FolderLike) -> Path:
        """Write the contact sheet of one search, as a picture or a web page by the suffix of `path`."""
        return self.show_all([(question, hits)], path)

    def show_all(self, searches: Sequence[tuple[str, Sequence[Hit]]], path: FolderLike) -> Path:
        """Write the contact sheet of several searches.

        Args:
            searches: Questions with their hits.
            path: Ends in `.png` (one picture) or `.html` (one self-contained page).

        Returns:
            The path that was written.

        Raises:
            InvalidInput: The suffix is neither.
        """
        target = Path(path)
        if target.suffix.lower() == ".png":
            target.write_bytes(contact_sheets_png(searches, self.page_image))
        elif target.suffix.lower() in {".html", ".htm"}:
            target.write_text(contact_sheets_html(searches, self.page_image), encoding="utf-8")
        else:
            raise InvalidInput(f"cannot tell the kind of contact sheet from '{target.name}'; end it in .png or .html")
        return target

    def page_image(self, page: PageRecord) -> bytes:
        """Read the kept image of a page, as an image file (WebP or JPEG)."""
        return self._images.get(page.page_hash)

    def documents(self) -> list[DocumentRecord]:
        """Read the ledger: every document that was tried, sorted by source URI."""
        return self._store.documents()

    def info(self) -> IndexInfo:
        """Say what the index was built with and what it holds."""
        return IndexInfo(
            folder=self.folder,
            passport=self._store.passport,
            size=self._store.size(),
            image_bytes=self._images.size_bytes(),
        )

    def as_retriever(
        self,
        *,
        similarity_top_k: int = 5,
        min_similarity: float = 0.0,
        filters: "MetadataFilters | None" = None,
        images: "ImageSettings | None" = None,
    ) -> "VisualRetriever":
        """Make a LlamaIndex retriever over this index; its nodes carry page images for a vision LLM.

        Args:
            similarity_top_k: Most nodes to return.
            min_similarity: Leave out hits below; in [0, 1].
            filters: LlamaIndex filters on `file_name` and `document_id`.
            images: Format and size in which the LLM gets the pages.

        Raises:
            InvalidFilter: `filters` names another field or operator.
        """
        from visual_rag.llama_index import VisualRetriever

        return VisualRetriever(
            self.searcher,
            similarity_top_k=similarity_top_k,
            min_similarity=min_similarity,
            filters=filters,
            images=images,
        )

    @cached_property
    def embedder(self) -> PageEmbedder:
        """The model, loaded at first use and checked against the passport."""
        if self._given_embedder is not None:
            return self._given_embedder
        passport = self._store.passport
        embedder = load_embedder(passport.model.name)
        passport.check_model(embedder.identity, index=str(self.folder))
        return embedder

    @property
    def searcher(self) -> PageSearcher:
        """The search side of this index as it is now."""
        if self._searcher is None:
            self._searcher = PageSearcher(self._store, self.embedder, self._images, self._search)
        return self._searcher

    def close(self) -> None:
        """Release the folder for other processes."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ingestor(self) -> Ingestor:
        return Ingestor(self._store, self.embedder, self._images, self._render, dpi=self._store.passport.dpi)

    def _condition(self, documents: Sequence[FolderLike]) -> AnyOf | None:
        if isinstance(documents, str):
            raise InvalidInput(f"documents is the text {documents!r}; give a list of names")
        found = [record.document.document_id for name in documents for record in self._matching(os.fspath(name))]
        return AnyOf(DOCUMENT_ID, tuple(found)) if found else None

    def _matching(self, name: str) -> list[DocumentRecord]:
        """Find documents by URI, path, folder or, where only one is called so, by file name."""
        ledger = self.documents()
        uri = source_uri(Path(name))
        exact = [record for record in ledger if record.document.source_uri in {name, uri}]
        inside = [record for record in ledger if record.document.source_uri.startswith(uri.rstrip("/") + "/")]
        called = [record for record in ledger if record.document.name == name]
        if not exact and not inside and len(called) > 1:
            uris = ", ".join(record.document.source_uri for record in called)
            raise InvalidInput(f"'{name}' means {len(called)} documents; name one of {uris}")
        if not (exact or inside or called):
            raise InvalidInput(f"no document of the index is called '{name}'; `visual-rag list` shows their names")
        return exact or inside or called


def _renderer_of(passport: IndexPassport) -> Renderer:
    return "poppler" if passport.renderer.startswith("poppler") else "pdfium"


def _password_function(password: Password | None) -> Callable[[Document], str | None] | None:
    if isinstance(password, str):
        return lambda _: password
    return password
