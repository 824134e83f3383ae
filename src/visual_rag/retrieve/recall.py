"""How far two-stage search agrees with exact search on a live index, and the least shortlist that suffices.

Needs no labels: the questions are made from the index itself, and exact search is the answer to compare with. It says
nothing about whether the pages found are relevant. Searching is the caller's: two functions are passed in.

    questions = audit_questions(pages, rows_of, n_questions=50)
    report = audit_recall(exact, two_stage, questions, k=10, sizes=shortlist_ladder(len(pages), used=200))
    print(advice(report, used=200, wanted=0.97))
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from visual_rag.errors import InvalidInput
from visual_rag.records import FloatArray, PageRecord
from visual_rag.scoring import pool_clusters

_FIRST_SIZE = 50
_LEAST_LETTERS = 4  # shorter words are mostly grammar, which any page has
_WORDS_ASKED = (3, 6)  # least and most
_MOST_ROWS = 20  # as many as a question of a ColPali model has
_EQUAL = 1e-5  # relative: equal scores differ by rounding between engines

Found = Sequence[tuple[str, float]]
"""Page ids with their scores, best first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditQuestion:
    """One question made from a page.

    Attributes:
        name: What a report calls it: its words, or the page that its rows are from.
        text: To be embedded as any question; None where the page has no text.
        rows: Where `text` is None: the query itself, shape (n_query_vectors, dim), rows of length 1.
    """

    name: str
    text: str | None = None
    rows: FloatArray | None = None


SearchExact = Callable[[AuditQuestion, int], Found]
"""Takes a question and k; scores every page."""
SearchTwoStage = Callable[[AuditQuestion, int, int], Found]
"""Takes a question, k and the size of the shortlist."""


class QuestionAgreement(NamedTuple):
    """Share of the exact top k, in [0, 1], that one question's two-stage search found."""

    name: str
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeReport:
    """What one size of shortlist reaches.

    Attributes:
        size: Pages on the shortlist.
        agreement: Mean over the questions, in [0, 1].
        p50_ms: Median time of a two-stage search.
        by_question: Each question's agreement, the worst first.
    """

    size: int
    agreement: float
    p50_ms: float
    by_question: tuple[QuestionAgreement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallReport:
    """What an audit found.

    Attributes:
        k: Depth that was compared.
        n_questions: Questions that exact search found anything for; the others are left out.
        n_unanswered: The others.
        exact_p50_ms: Median time of an exact search.
        sizes: One report for each size of shortlist, the smallest first.
    """

    k: int
    n_questions: int
    n_unanswered: int
    exact_p50_ms: float
    sizes: tuple[SizeReport, ...]

    def smallest(self, wanted: float) -> SizeReport | None:
        """The smallest shortlist whose mean agreement is at least `wanted`; None where none is."""
        return next((report for report in self.sizes if report.agreement >= wanted), None)


def agreement(exact: Found, found: Found) -> float:
    """Share of the exact answer that was found, in [0, 1].

    A page that scores as high as the last of the exact answer counts, though it is another: copies of a page tie.

    Args:
        exact: Not empty.
        found: No longer than `exact`, by the same scoring.

    Example:
        >>> agreement([("a", 2.0), ("b", 1.0)], [("a", 2.0), ("c", 0.5)])
        0.5
        >>> agreement([("a", 2.0), ("b", 1.0)], [("a", 2.0), ("copy of b", 1.0)])
        1.0
    """
    pages = {page_id for page_id, _ in exact}
    last = exact[-1][1]
    least = last - _EQUAL * abs(last)
    n_agreed = sum(page_id in pages or score >= least for page_id, score in found)
    return min(1.0, n_agreed / len(exact))


def shortlist_ladder(n_pages: int, used: int) -> tuple[int, ...]:
    """Sizes to try: 50, 100, 200 and so on below `n_pages`, and the size in use.

    Example:
        >>> shortlist_ladder(1000, used=150)
        (50, 100, 150, 200, 400, 800)
    """
    sizes, size = {used}, _FIRST_SIZE
    while size < n_pages:
        sizes.add(size)
        size *= 2
    return tuple(sorted(sizes))


def audit_questions(
    pages: Sequence[PageRecord],
    rows_of: Callable[[Sequence[PageRecord]], Sequence[FloatArray]],
    *,
    n_questions: int = 50,
    seed: int = 0,
) -> list[AuditQuestion]:
    """Make questions from pages taken at random: words of a page's text layer, else rows of its multi-vector.

    Args:
        pages: Of the index; in whatever order, the same pages give the same questions.
        rows_of: Reads multi-vectors, each (n_vectors, dim), of the pages that have no text.
        n_questions: At most so many, one a page.
        seed: Another gives other questions.

    Raises:
        InvalidInput: There are no pages, or no questions are asked for.
    """
    if not pages or n_questions < 1:
        raise InvalidInput(
            f"an audit of {len(pages)} pages with {n_questions} questions tells nothing; ingest documents, and ask at "
            "least one"
        )
    random = np.random.default_rng(seed)
    ordered = sorted(pages, key=lambda page: page.page_id)
    chosen = [ordered[row] for row in random.permutation(len(ordered))[:n_questions]]
    texts = [_some_words(page.text, random) for page in chosen]
    textless = [page for page, text in zip(chosen, texts, strict=True) if not text]
    read = iter(rows_of(textless) if textless else ())
    return [
        AuditQuestion(name=text, text=text)
        if text
        else AuditQuestion(name=f"{page.document_name}, page {page.page_number}", rows=_some_rows(next(read)))
        for page, text in zip(chosen, texts, strict=True)
    ]


def audit_recall(
    search_exact: SearchExact,
    search_two_stage: SearchTwoStage,
    questions: Sequence[AuditQuestion],
    *,
    k: int = 10,
    sizes: Sequence[int],
) -> RecallReport:
    """Ask each question exactly and with each size of shortlist, in turn, so that a busy machine slows all alike.

    Args:
        search_exact: Its answer is what is compared with.
        search_two_stage: By the same scoring.
        questions: As `audit_questions` makes them.
        k: Depth, at least 1.
        sizes: Of shortlists, each at least `k`: a shorter one cannot hold the answer.

    Raises:
        InvalidInput: There is no size of at least `k`, or no question has an answer.
    """
    tried = sorted({size for size in sizes if size >= k})
    if k < 1 or not tried:
        raise InvalidInput(f"no shortlist of {list(sizes)} holds the {k} best pages; ask for a smaller k, at least 1")
    exact_ms: list[float] = []
    times: dict[int, list[float]] = {size: [] for size in tried}
    found: dict[int, list[QuestionAgreement]] = {size: [] for size in tried}
    if questions:  # untimed: the first search reads files and takes samples that later ones need no more
        search_exact(questions[0], k)
    for question in questions:
        started = time.perf_counter()
        exact = search_exact(question, k)[:k]
        if not exact:
            continue
        exact_ms.append(_ms_since(started))
        for size in tried:
            started = time.perf_counter()
            answer = search_two_stage(question, k, size)[:k]
            times[size].append(_ms_since(started))
            found[size].append(QuestionAgreement(question.name, agreement(exact, answer)))
    if not exact_ms:
        raise InvalidInput(f"exact search finds nothing for any of {len(questions)} questions; is the index empty?")
    return RecallReport(
        k=k,
        n_questions=len(exact_ms),
        n_unanswered=len(questions) - len(exact_ms),
        exact_p50_ms=statistics.median(exact_ms),
        sizes=tuple(_size_report(size, found[size], times[size]) for size in tried),
    )


def advice(report: RecallReport, *, used: int, wanted: float) -> str:
    """Say in one line what to set, for a user who wants a mean agreement.

    Args:
        report: Of an audit.
        used: The size of shortlist in use.
        wanted: Mean agreement, in [0, 1].
    """
    best = report.smallest(wanted)
    if best is None:
        last = report.sizes[-1]
        return (
            f"no shortlist up to {last.size} pages reaches {wanted:.2f}, {last.size} reach {last.agreement:.3f}; "
            "search with --mode exact where that matters"
        )
    reached = f"{best.size} pages reach {best.agreement:.3f} in {best.p50_ms:.0f} ms"
    if best.size > used:
        return f"{reached}, exact search takes {report.exact_p50_ms:.0f} ms; search with --min-shortlist {best.size}"
    return f"{reached}; the shortlist of {used} in use suffices"


def _size_report(size: int, found: Sequence[QuestionAgreement], times: Sequence[float]) -> SizeReport:
    return SizeReport(
        size=size,
        agreement=statistics.fmean(row.agreement for row in found),
        p50_ms=statistics.median(times),
        by_question=tuple(sorted(found, key=lambda row: row.agreement)),
    )


def _ms_since(started: float) -> float:
    return 1000 * (time.perf_counter() - started)


def _some_words(text: str, random: np.random.Generator) -> str:
    """Take neighbouring words, where the text has enough of them: what stands together is asked together."""
    words = [word for word in text.split() if len(word) >= _LEAST_LETTERS and any(map(str.isalnum, word))]
    least, most = _WORDS_ASKED
    if len(words) < least:
        return ""
    n_asked = min(len(words), int(random.integers(least, most + 1)))
    start = int(random.integers(len(words) - n_asked + 1))
    return " ".join(words[start : start + n_asked])


def _some_rows(rows: FloatArray) -> FloatArray:
    """Take few rows that differ: a page's own rows repeat its background."""
    return pool_clusters(rows, _MOST_ROWS)
