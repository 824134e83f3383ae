"""Every error this package raises on purpose.

```
VisualRagError
    InvalidInput (ValueError)
        DimensionMismatch
        UnknownModel
        InvalidFilter
    MissingDependency (ImportError)
    DocumentError
        EncryptedDocument
        DamagedDocument
        UnsupportedFormat
        LimitExceeded
    EmbeddingError
        ModelLoadError
        OutOfDeviceMemory
        UnhealthyEmbedding
        ModelUnavailable
    StoreError
        StoreUnavailable
        StoreLocked
        CollectionNotFound
        PassportMismatch
    SourceError
        SourceUnavailable
        AccessDenied
    AnswerError
        AnswerModelUnavailable
        ContextTooLarge
```

A message says what happened, the value that caused it, and the next step. `retryable` is True where the same call may
succeed later: ModelUnavailable, StoreUnavailable, SourceUnavailable, AnswerModelUnavailable.
"""

from typing import ClassVar


class VisualRagError(Exception):
    """The parent of all errors of this package."""

    retryable: ClassVar[bool] = False


class InvalidInput(VisualRagError, ValueError):
    """A value handed in cannot be used."""


class DimensionMismatch(InvalidInput):
    """Two multi-vectors have rows of different length."""


class UnknownModel(InvalidInput):
    """No model goes by this name."""


class InvalidFilter(InvalidInput):
    """A filter names an unknown field or a value of the wrong type."""


class MissingDependency(VisualRagError, ImportError):
    """An optional package is needed and not installed; the message has the command."""


class DocumentError(VisualRagError):
    """A document, or one page of it, cannot be turned into page images.

    Attributes:
        source: The document's name or URI.
        page_number: 1-based page, or None when the whole document is meant.
    """

    def __init__(self, message: str, *, source: str = "", page_number: int | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.page_number = page_number


class EncryptedDocument(DocumentError):
    """A password is needed, or the given one is wrong."""


class DamagedDocument(DocumentError):
    """The file is broken, truncated or empty."""


class UnsupportedFormat(DocumentError):
    """The file is of a kind that is not read."""


class LimitExceeded(DocumentError):
    """Rendering would pass, or passed, the limit on time, memory or pixels."""


class EmbeddingError(VisualRagError):
    """A model cannot be loaded or gave unusable vectors.

    Attributes:
        model: The model's name.
    """

    def __init__(self, message: str, *, model: str = "") -> None:
        super().__init__(message)
        self.model = model


class ModelLoadError(EmbeddingError):
    """The model's files are missing, incomplete or of another kind."""


class OutOfDeviceMemory(EmbeddingError):
    """Even a single page does not fit into the device's memory."""


class UnhealthyEmbedding(EmbeddingError):
    """Vectors are not finite, not of unit length, empty or of the wrong dimension."""


class ModelUnavailable(EmbeddingError):
    """A served model does not answer: no fault of a page, so an ingest ends here and can be started again."""

    retryable = True


class StoreError(VisualRagError):
    """The vector store refused or failed.

    Attributes:
        collection: The collection's name, or the index folder's.
    """

    def __init__(self, message: str, *, collection: str = "") -> None:
        super().__init__(message)
        self.collection = collection


class StoreUnavailable(StoreError):
    """The store cannot be reached or cannot write just now."""

    retryable = True


class StoreLocked(StoreError):
    """Another process holds the index."""


class CollectionNotFound(StoreError):
    """There is no index or collection here."""


class PassportMismatch(StoreError):
    """The index was built with another model or other settings than asked for."""


class SourceError(VisualRagError):
    """A source of documents cannot be read.

    Attributes:
        source: The path or URI.
    """

    def __init__(self, message: str, *, source: str = "") -> None:
        super().__init__(message)
        self.source = source


class SourceUnavailable(SourceError):
    """The source does not exist or does not answer."""

    retryable = True


class AccessDenied(SourceError):
    """The source exists but may not be read."""


class AnswerError(VisualRagError):
    """An answer could not be written."""


class AnswerModelUnavailable(AnswerError):
    """The language model does not answer."""

    retryable = True


class ContextTooLarge(AnswerError):
    """The pages do not fit into the language model's context."""


def error_for(reason: str, message: str, *, source: str, page_number: int | None = None) -> VisualRagError:
    """Make the exception that a ledger entry stands for.

    Args:
        reason: Name of a class of this module, as in `PageFailure.reason`; others become `DocumentError`.
        message: For people.
        source: The document's name.
        page_number: 1-based page, or None.
    """
    kind: type[VisualRagError] = globals().get(reason, DocumentError)
    if issubclass(kind, DocumentError):
        return kind(message, source=source, page_number=page_number)
    return kind(message)
