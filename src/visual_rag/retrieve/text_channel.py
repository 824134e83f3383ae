"""The text channel: pages by the words of their text layer (BM25), alone or fused with the visual channel."""

from collections.abc import Mapping, Sequence

from visual_rag.records import PageRecord
from visual_rag.retrieve.fusion import fuse
from visual_rag.retrieve.trace import Trace
from visual_rag.retrieve.visual import Candidate, VisualScorer, in_order
from visual_rag.settings import SearchSettings
from visual_rag.store.protocol import PageStore, QueryPlan, TextPlan

BM25 = "bm25"
_LEAST_WORDS = 5  # a text layer of fewer is a page number or a stamp on a scan


class TextChannel:
    """Searches the text layers of one index."""

    def __init__(self, store: PageStore, visual: VisualScorer) -> None:
        self._store = store
        self._visual = visual

    def ranked(self, text: str, plan: QueryPlan, coded: Mapping[str, PageRecord], trace: Trace) -> list[Candidate]:
        """Rank one level by text alone: the score is BM25, and nothing is known of similarity.

        Args:
            text: The question.
            plan: Of the level; its limit and filter hold.
            coded: Pages that take part whatever their words.
            trace: Notes what is done.
        """
        rows = {row.page.page_id: row for row in self._read(text, plan, trace)}
        for page_id, page in coded.items():
            rows.setdefault(page_id, Candidate(page=page, score=0.0, similarity=0.0))
        return sorted(rows.values(), key=in_order)

    def fused(
        self,
        request: tuple[str, SearchSettings],
        seen: Sequence[Candidate],
        plan: QueryPlan,
        coded: Mapping[str, PageRecord],
        trace: Trace,
    ) -> list[Candidate]:
        """Rank one level by both channels.

        What only the text channel found is looked at too, so every page that shows anything of the question takes its
        place in both rankings.

        Args:
            request: The question, and how to fuse.
            seen: What the visual channel found.
            plan: Of the level; its limit and filter hold for both channels.
            coded: Pages that take part whatever their words.
            trace: Notes what is done.
        """
        text, settings = request
        text_rows = self._read(text, plan, trace)
        looked = {row.page.page_id: row for row in seen}
        pages = {**{row.page.page_id: row.page for row in text_rows}, **coded}
        unseen = [page for page_id, page in pages.items() if page_id not in looked]
        with trace.step("look at what was read", f"{len(unseen):,} pages"):
            looked |= {row.page.page_id: row for row in self._visual.score(plan, unseen)}
        scores = fuse(
            {page_id: row.score for page_id, row in looked.items() if row.score > 0},
            {row.page.page_id: row.score for row in text_rows},
            settings.fusion,
            second_weight=settings.text_weight,
            unread={page_id for page_id, row in looked.items() if len(row.page.text.split()) < _LEAST_WORDS},
        )
        rows = [
            Candidate(page=row.page, score=scores.get(page_id, 0.0), similarity=row.similarity)
            for page_id, row in looked.items()
        ]
        # Fusion by rank makes many ties: the fourth of one channel alone equals the fourth of the other.
        return sorted(rows, key=lambda row: (-row.score, -row.similarity, row.page.page_id))

    def _read(self, text: str, plan: QueryPlan, trace: Trace) -> list[Candidate]:
        with trace.step(f"score by {BM25}", f"the best {plan.limit:,} pages"):
            found = self._store.query_text(TextPlan(text=text, limit=plan.limit, filter=plan.filter))
        return [Candidate(page=row.page, score=row.score, similarity=0.0) for row in found]
