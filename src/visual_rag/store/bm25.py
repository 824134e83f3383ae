"""Text as sparse vectors for BM25: tokenizer, stop words and stemmers are those of Qdrant's own library, offline.

    analyser = TextAnalyser("english")
    analyser.document("The pumps of error E-4021")   # as many indices as distinct words that count
    analyser.query("pump E-4021")

A document's values are the term frequencies saturated as BM25 asks for (k = 1.2, b = 0.75, and 256 words taken for the
mean length of a page: the library's own values); a query's are 1. How rare a word is, the engine multiplies in, which
is why a vector never has to be written again when others come.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

import unicodedata
from dataclasses import dataclass

import qdrant_edge as edge

from visual_rag.errors import InvalidInput
from visual_rag.store.schema import encodable

MIXED = "none"
LANGUAGES = (MIXED, *sorted(name.lower() for name in vars(edge.Language) if name[0].isupper()))
_WITHOUT_SPACES = frozenset({"chinese", "japanese"})


@dataclass(frozen=True, slots=True)
class SparseText:
    """The words of a text, each by the number that its letters hash to.

    Attributes:
        indices: Shape (n_words,), distinct, in [0, 2**31).
        values: Shape (n_words,), above 0.
    """

    indices: list[int]
    values: list[float]


class TextAnalyser:
    """Cuts texts into words that count, for documents and queries of one language alike."""

    def __init__(self, language: str) -> None:
        """Choose the language.

        Args:
            language: One of `LANGUAGES`, for its stop words and stemmer; "none" has neither, for mixed corpora.

        Raises:
            InvalidInput: There is none of this name.
        """
        check_language(language)
        self._model = edge.Bm25(_config(language))

    def document(self, text: str) -> SparseText | None:
        """Weigh the words of a page; None where no word counts."""
        return _sparse(self._model.embed_document(_normal(text)))

    def query(self, text: str) -> SparseText | None:
        """Weigh the words of a question; None where no word counts."""
        return _sparse(self._model.embed_query(_normal(text)))


def check_language(language: str) -> None:
    """Refuse a language that texts cannot be cut in.

    Raises:
        InvalidInput: It is unknown; the message has those that are.
    """
    if language not in LANGUAGES:
        raise InvalidInput(f"text language '{language}' is unknown; use one of {', '.join(LANGUAGES)}")


def _config(language: str) -> edge.Bm25Config:
    if language == MIXED:
        return edge.Bm25Config(stopwords=edge.StopwordsSet(), stemmer=edge.DisabledStemmer())
    # The word tokenizer takes a run of Chinese or Japanese for one word; the other keeps "E-4021" whole.
    tokenizer = edge.TokenizerType.Multilingual if language in _WITHOUT_SPACES else edge.TokenizerType.Word
    return edge.Bm25Config(language=language, tokenizer=tokenizer)


def _normal(text: str) -> str:
    """Make one of the ways to write a letter: text layers hold ligatures, and accents as marks of their own."""
    return unicodedata.normalize("NFKC", encodable(text))


def _sparse(vector: edge.SparseVector) -> SparseText | None:
    return SparseText(list(vector.indices), list(vector.values)) if vector.indices else None
