"""The few words of a page's text layer that stand around the words of a question.

>>> snippet("Contents. 4 Electrical connection: the motor is started in star-delta.", "Which motor?", n_words=4)
'… connection: the motor is …'
"""

from visual_rag.embed.spotter_words import content_words, split_words

_N_WORDS, _MAX_CHARACTERS = 12, 100
_N_WORDS_BEFORE = 2


def snippet(text: str, question: str, *, n_words: int = _N_WORDS) -> str:
    """Cut the stretch of a text that has most of a question's words.

    Args:
        text: A page's text layer as one line.
        question: Plain words.
        n_words: Length of the stretch.

    Returns:
        One line of at most 100 characters and two ellipses; "" where the text has none of the words.
    """
    wanted, words = set(content_words(question)), text.split()
    matched = [wanted.intersection(split_words(word)) for word in words]
    places = [place for place, found in enumerate(matched) if found]
    if not places:
        return ""
    best = max(places, key=lambda place: len(set().union(*matched[place : place + n_words - _N_WORDS_BEFORE])))
    start = max(0, min(best - _N_WORDS_BEFORE, len(words) - n_words))
    shown = " ".join(words[start : start + n_words])
    is_cut = start + n_words < len(words) or len(shown) > _MAX_CHARACTERS
    return ("… " if start else "") + shown[:_MAX_CHARACTERS].rstrip() + (" …" if is_cut else "")
