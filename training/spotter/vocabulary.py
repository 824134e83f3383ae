"""The words of the training pages: dictionaries, numbers, codes, and words that look alike."""

import random
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from visual_rag.embed.spotter_words import split_words

_DICTIONARIES = {
    "american-english": 0.72,
    "french": 0.06,
    "ngerman": 0.06,
    "spanish": 0.06,
    "italian": 0.04,
    "portuguese": 0.03,
    "dutch": 0.03,
}
_COMMON = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which "
    "one you were all there would their we been has when who will no more if out so what up about into than them can "
    "only other new some could time these two may then do first any now such like over most made after also many must "
    "through years where way well down should because each how too little state good very make still see men work "
    "long get here between both being under never same another while last might us great year off since against go "
    "page figure table section total number system use used data part pressure water oil power check see note "
    "warning report plan health service rate cost value type name date time unit model service operation engine"
).split()
_UNITS = (
    "mm",
    "cm",
    "kg",
    "g",
    "V",
    "A",
    "W",
    "kW",
    "Hz",
    "bar",
    "psi",
    "°C",
    "rpm",
    "Nm",
    "L",
    "ml",
    "h",
    "min",
    "s",
    "in",
    "ft",
    "lb",
    "MB",
    "GB",
    "kHz",
    "MHz",
    "Ω",
    "%",
)
_LOOK_ALIKE = {
    "0": "o86",
    "1": "l7i",
    "5": "s6",
    "6": "8b5",
    "8": "b36",
    "3": "89",
    "b": "h6",
    "c": "eo",
    "e": "co",
    "f": "t",
    "g": "q9",
    "h": "bn",
    "i": "lj1",
    "l": "i1t",
    "m": "nr",
    "n": "mhu",
    "o": "ce0",
    "q": "g",
    "r": "nv",
    "s": "5a",
    "t": "fl",
    "u": "nv",
    "v": "yu",
    "y": "v",
    "4": "9",
    "7": "1",
    "9": "48",
    "2": "z",
}
_SUFFIX = re.compile(r"(ies|es|s|ed|ing|er|ly|al|ment|ments|ation|ations|y|e)$")
_HELD_OUT_EVERY = 50


@lru_cache(maxsize=1)
def _dictionaries() -> dict[str, tuple[str, ...]]:
    read = {}
    for name in _DICTIONARIES:
        path = Path("/usr/share/dict") / name
        lines = path.read_text(encoding="utf8", errors="ignore").splitlines() if path.exists() else []
        read[name] = tuple(sorted({word.strip() for word in lines if len(word.strip()) > 1 and "'" not in word}))
    if not read["american-english"]:
        raise SystemExit("no word list found: install the Debian packages listed in training/spotter/README.md")
    return {name: words for name, words in read.items() if words}


def is_held_out(word: str) -> bool:
    """True for the one dictionary word in fifty that training never draws."""
    return len(word) > 3 and sum(word.encode()) * 2654435761 % 2**32 % _HELD_OUT_EVERY == 0


def held_out_words() -> list[str]:
    """The dictionary words that training never draws, sorted."""
    return [word for word in _dictionaries()["american-english"] if is_held_out(word.lower())]


def _dictionary_word(randomness: random.Random) -> str:
    dictionaries = _dictionaries()
    weights = [_DICTIONARIES[name] for name in dictionaries]
    while True:
        word = randomness.choice(dictionaries[randomness.choices(list(dictionaries), weights)[0]])
        if not is_held_out(word.lower()):
            return word


def _number(randomness: random.Random) -> str:
    kind = randomness.randrange(9)
    if kind <= 1:
        return str(randomness.randint(0, 10 ** randomness.randint(1, 6)))
    if kind == 2:
        return f"{randomness.randint(0, 999)},{randomness.randint(0, 999):03d}"
    if kind == 3:
        return f"{randomness.random() * 10 ** randomness.randint(0, 4):.{randomness.randint(1, 3)}f}"
    if kind == 4:
        return f"{randomness.randint(1, 100)}%"
    if kind == 5:
        return str(randomness.randint(1900, 2035))
    if kind == 6:
        return f"{randomness.choice('$€£')}{randomness.randint(1, 99999)}"
    if kind == 7:
        return f"{randomness.randint(1, 31)}/{randomness.randint(1, 12)}/{randomness.randint(1990, 2035)}"
    return f"{randomness.randint(1, 990)}{randomness.choice(_UNITS)}"


def _code(randomness: random.Random) -> str:
    letters = "".join(randomness.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(randomness.randint(1, 4)))
    digits = str(randomness.randint(0, 10 ** randomness.randint(1, 5)))
    kind = randomness.randrange(5)
    if kind == 0:
        return f"{letters}-{digits}"
    if kind == 1:
        return letters + digits
    if kind == 2:
        return f"{letters}-{digits}-{randomness.randint(0, 99)}"
    if kind == 3:
        return f"{digits}-{randomness.randint(0, 9999)}"
    return "".join(
        randomness.choice("abcdefghijklmnopqrstuvwxyz0123456789-_.") for _ in range(randomness.randint(3, 9))
    )


def draw_token(randomness: random.Random) -> str:
    """Draw what a page would show between two spaces, before capitals and punctuation."""
    choice = randomness.random()
    if choice < 0.16:
        return randomness.choice(_COMMON)
    if choice < 0.78:
        return _dictionary_word(randomness)
    if choice < 0.82:
        return f"{_dictionary_word(randomness)}{randomness.choice('-/')}{_dictionary_word(randomness)}"
    return _number(randomness) if choice < 0.93 else _code(randomness)


def look_alikes(word: str, randomness: random.Random) -> list[str]:
    """Make two words that a hasty reader would take for this one: a letter swapped, dropped or doubled."""
    if len(word) < 3:
        return []
    place = randomness.randrange(len(word))
    similar = _LOOK_ALIKE.get(word[place], "abcdefghijklmnopqrstuvwxyz")
    if word[place].isdigit():
        similar = "0123456789"
    swapped = word[:place] + randomness.choice(similar) + word[place + 1 :]
    dropped = word[:place] + word[place + 1 :]
    turned = word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :] if place else word
    return [other for other in randomness.sample([swapped, dropped, turned], 2) if other != word]


def fold_accents(word: str) -> str:
    """Drop accents: a question typed without them should find the word all the same.

    Example:
        >>> fold_accents("café")
        'cafe'
    """
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def stem(word: str) -> str:
    """Cut common endings, roughly: words of one stem are never trained apart."""
    folded = fold_accents(word)
    return _SUFFIX.sub("", folded) if len(folded) > 4 and folded.isalpha() else folded


def words_of(tokens: Iterable[str]) -> list[str]:
    """Normalise and cut drawn tokens as a question would be."""
    return [word for token in tokens for word in split_words(token)]
