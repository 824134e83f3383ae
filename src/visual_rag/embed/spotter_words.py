"""How spotter cuts text into words and words into numbers.

The same cut serves the words of a question and, in `training/spotter/`, the words drawn on a page: what is one word on
one side is one word on the other. It knows no language: no stemming, no synonyms.

    >>> split_words("Replace the oil-filter (part no. WD-40-7)!")
    ['replace', 'the', 'oil', 'filter', 'part', 'no', 'wd-40-7']
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-%$/&'+:;#@_*()=<>"
ACCENTED = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœ€£°"
ALPHABET = LETTERS + ACCENTED
PADDING_ID, UNKNOWN_ID = 0, 1
N_SYMBOLS = len(ALPHABET) + 2
MAX_CHARACTERS = 24  # a longer word keeps its first 24 characters; the true length still reaches the model

# Words that make a sentence a question and say nothing of what a page shows.
QUESTION_WORDS = frozenset(
    "a an and any are as at be been by can could did do does find for from give has have how i if in into is it its "
    "list me much many my of on or our page pages please show showing shown shows tell than that the their them there "
    "these they this those to was we were what when where which who why will with would you your".split()
)

_SYMBOL_IDS = {character: index + 2 for index, character in enumerate(ALPHABET)}
_OUTER = " .,;:!?()[]{}<>\"'`*•·…“”‘’„«»|=_~^"
_DASHES = str.maketrans({"–": "-", "—": " ", "‐": "-", "‑": "-", "−": "-", "’": "'", "\u00ad": ""})
_JOINT = re.compile(r"[-/]")


def normalise_word(token: str) -> str:
    """Fold case and compatibility forms, and strip outer punctuation: `"(Ｏil,"` becomes `"oil"`."""
    return unicodedata.normalize("NFKC", token).translate(_DASHES).casefold().strip(_OUTER).strip("-/")


def cut_token(token: str) -> list[str]:
    """Cut one space-free token at hyphens and slashes when all its parts are plain words; keep codes whole.

    Example:
        >>> cut_token("single-stage"), cut_token("e-4021"), cut_token("and/or")
        (['single', 'stage'], ['e-4021'], ['and', 'or'])
    """
    parts = _JOINT.split(token)
    if len(parts) > 1 and all(len(part) > 1 and part.isalpha() for part in parts):
        return parts
    return [token] if token else []


def split_words(text: str) -> list[str]:
    """Cut text into normalised words, in reading order, repeats kept."""
    tokens = unicodedata.normalize("NFKC", text).translate(_DASHES).split()
    return [word for token in tokens for word in cut_token(normalise_word(token))]


def content_words(question: str) -> list[str]:
    """Cut a question into the words to look for, each once; all its words where nothing else is left.

    Example:
        >>> content_words("Where is the wiring diagram of the pump?"), content_words("what is this")
        (['wiring', 'diagram', 'pump'], ['what', 'is', 'this'])
    """
    words = list(dict.fromkeys(split_words(question)))
    return [word for word in words if word not in QUESTION_WORDS] or words


def encode_words(words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turn words into symbol ids for the query side of the model.

    Args:
        words: Normalised words, none empty.

    Returns:
        Symbols, shape (n_words, MAX_CHARACTERS), zero padded, and lengths, shape (n_words,), in 1..MAX_CHARACTERS.
    """
    symbols = np.zeros((len(words), MAX_CHARACTERS), dtype=np.int64)
    lengths = np.zeros(len(words), dtype=np.int64)
    for row, word in enumerate(words):
        kept = word[:MAX_CHARACTERS]
        lengths[row] = len(kept)
        symbols[row, : len(kept)] = [_SYMBOL_IDS.get(character, UNKNOWN_ID) for character in kept]
    return symbols, lengths
