"""Pages that hold a code of the question letter by letter come forward, whatever the scores say."""

from collections.abc import Mapping, Sequence

from visual_rag.embed.spotter_words import content_words
from visual_rag.records import PageRecord
from visual_rag.retrieve.codes import count_codes, find_codes
from visual_rag.retrieve.trace import Trace
from visual_rag.retrieve.visual import Candidate
from visual_rag.store.filters import Filter, HasWords, all_of
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import TEXT_LAYER

_COMMON_SHARE, _NEVER_COMMON = 0.2, 10  # a code on more pages of the index than both tells none of them from the others
_WORDS_A_CODE = 3
_PLACE_OF_A_CODE = 2  # 0-based


def pages_with_codes(store: PageStore, text: str, condition: Filter | None, trace: Trace) -> dict[str, PageRecord]:
    """Find the pages that hold a code of a question; none for a code that a good part of the index holds.

    Args:
        store: Of the index.
        text: The question.
        condition: Only pages that meet it.
        trace: Notes what is done, where there is a code.
    """
    found: dict[str, PageRecord] = {}
    codes = find_codes(text)
    if not codes:
        return found
    with trace.step("look for codes", ", ".join(codes)):
        most = max(_NEVER_COMMON, round(_COMMON_SHARE * store.count()))
        for code in codes:
            has_words = HasWords(TEXT_LAYER, code)
            if store.count(has_words) <= most:
                pages = store.scroll(all_of(condition, has_words))
                found |= {page.page_id: page for page in pages if count_codes([code], page.text)}
    return found


def codes_first(rows: Sequence[Candidate], text: str, coded: Mapping[str, PageRecord]) -> Sequence[Candidate]:
    """Bring forward those pages of a ranking that were found by a code.

    Where codes are at least a third of the question's words, all pages that hold them go first, the more codes the
    better. Where they are a part of a longer question, the best of those pages goes to the third place, if it is not
    before.

    Args:
        rows: Best first.
        text: The question.
        coded: What `pages_with_codes` found.
    """
    places = [place for place, row in enumerate(rows) if row.page.page_id in coded]
    if not places:
        return rows
    codes, ordered = find_codes(text), list(rows)
    if len(content_words(text)) <= _WORDS_A_CODE * len(codes):
        return sorted(ordered, key=lambda row: -count_codes(codes, row.page.text) if row.page.page_id in coded else 0)
    best = ordered.pop(places[0])
    ordered.insert(min(places[0], _PLACE_OF_A_CODE), best)
    return ordered
