"""The text channel: pages by the words of their text layer (BM25), alone or fused with what the visual channel found.

A part number or error code of the question that stands literally in a text layer brings its page forward, whatever the
scores say.
"""

from collections.abc import Iterable, Mapping, Sequence

from visual_rag.embed.spotter_words import content_words
from visual_rag.records import PageRecord
from visual_rag.retrieve.codes import count_codes, find_codes
from visual_rag.retrieve.fusion import fuse
from visual_rag.retrieve.trace import Trace
from visual_rag.retrieve.visual import Candidate, VisualScorer, in_order
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import And, Filter, HasWords
from visual_rag.store.protocol import PageStore, QueryPlan, TextPlan
from visual_rag.store.schema import TEXT_LAYER

BM25 = "bm25"
_WORDS_A_CODE = 3
_PLACE_OF_A_CODE = 2  # 0-based
_COMMON_CODE_SHARE = 0.2  # a code on more of the pages than this tells none of them from the others


class TextChannel:
    """Searches the text layers of one index."""

    def __init__(self, store: PageStore, visual: VisualScorer) -> None:
        self._store = store
        self._visual = visual

    def ranked(self, text: str, plan: QueryPlan, settings: SearchSettings, trace: Trace) -> list[Candidate]:
        """Rank one level by text alone: the score is BM25, and nothing is known of similarity.

        Args:
            text: The question.
            plan: Of the level; its limit and filter hold.
            settings: Whether codes are looked for.
            trace: Notes what is done.
        """
        rows = {row.page.page_id: row for row in self._read(text, plan, trace)}
        coded = self._pages_with_codes(text, plan.filter, settings, trace)
        for page_id, page in coded.items():
            rows.setdefault(page_id, Candidate(page=page, score=0.0, similarity=0.0))
        return _codes_first(rows.values(), text, coded)

    def fused(
        self, text: str, seen: Sequence[Candidate], plan: QueryPlan, settings: SearchSettings, trace: Trace
    ) -> list[Candidate]:
        """Rank one level by both channels.

        What only the text channel found is looked at too, so every page that shows anything of the question takes its
        place in both rankings.

        Args:
            text: The question.
            seen: What the visual channel found.
            plan: Of the level; its limit and filter hold for both channels.
            settings: Fusion, its weight, and whether codes are looked for.
            trace: Notes what is done.
        """
        text_rows = self._read(text, plan, trace)
        read = {row.page.page_id: row.score for row in text_rows}
        coded = self._pages_with_codes(text, plan.filter, settings, trace)
        looked = {row.page.page_id: row for row in seen}
        pages = {row.page.page_id: row.page for row in text_rows} | coded
        unseen = [page for page_id, page in pages.items() if page_id not in looked]
        with trace.step("look at what was read", f"{len(unseen):,} pages"):
            looked |= {row.page.page_id: row for row in self._visual.score(plan, unseen)}
        scores = fuse(
            {page_id: row.score for page_id, row in looked.items() if row.score > 0},
            read,
            settings.fusion,
            second_weight=settings.text_weight,
            unread={page_id for page_id, row in looked.items() if not row.page.text},
        )
        rows = [
            Candidate(page=row.page, score=scores.get(page_id, 0.0), similarity=row.similarity)
            for page_id, row in looked.items()
        ]
        return _codes_first(rows, text, coded)

    def _read(self, text: str, plan: QueryPlan, trace: Trace) -> list[Candidate]:
        with trace.step(f"score by {BM25}", f"the best {plan.limit:,} pages"):
            found = self._store.query_text(TextPlan(text=text, limit=plan.limit, filter=plan.filter))
        return [Candidate(page=row.page, score=row.score, similarity=0.0) for row in found]

    def _pages_with_codes(
        self, text: str, condition: Filter | None, settings: SearchSettings, trace: Trace
    ) -> dict[str, PageRecord]:
        """Pages that hold a code letter by letter; none for a code that a good part of the pages hold."""
        codes = find_codes(text) if settings.rescue_codes else ()
        found: dict[str, PageRecord] = {}
        if not codes:
            return found
        with trace.step("look for codes", ", ".join(codes)):
            most = max(1, round(_COMMON_CODE_SHARE * self._store.count(condition)))
            for code in codes:
                has_words: Filter = HasWords(TEXT_LAYER, code)
                has_code = has_words if condition is None else And((condition, has_words))
                if self._store.count(has_code) <= most:
                    pages = (page for page in self._store.scroll(has_code) if count_codes([code], page.text))
                    found |= {page.page_id: page for page in pages}
        return found


def _codes_first(rows: Iterable[Candidate], text: str, coded: Mapping[str, PageRecord]) -> list[Candidate]:
    """Order rows best first, then bring forward those that were found by a code.

    Where codes are at least a third of the question's words, all pages that hold them go first, the more codes the
    better. Where they are a part of a longer question, the best of those pages goes to the third place, if it is not
    before.
    """
    ordered = sorted(rows, key=in_order)
    places = [place for place, row in enumerate(ordered) if row.page.page_id in coded]
    if not places:
        return ordered
    codes = find_codes(text)
    if len(content_words(text)) <= _WORDS_A_CODE * len(codes):
        return sorted(ordered, key=lambda row: -count_codes(codes, row.page.text) if row.page.page_id in coded else 0)
    best = ordered.pop(places[0])
    ordered.insert(min(places[0], _PLACE_OF_A_CODE), best)
    return ordered
