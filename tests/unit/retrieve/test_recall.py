"""An audit's questions, its agreement and its advice, on small indexes searched by brute force."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from visual_rag.errors import InvalidInput
from visual_rag.records import FloatArray, PageRecord
from visual_rag.retrieve.recall import (
    AuditQuestion,
    Found,
    RecallReport,
    advice,
    agreement,
    audit_questions,
    audit_recall,
    shortlist_ladder,
)
from visual_rag.scoring import maxsim, normalise_rows
from visual_rag.testing import make_record

N_PAGES, DIM = 120, 16


class Index:
    """Random pages; the first stage looks at one row of each, so that small shortlists miss much."""

    def __init__(self) -> None:
        random = np.random.default_rng(3)
        self.rows = [normalise_rows(random.standard_normal((12, DIM)).astype(np.float32)) for _ in range(N_PAGES)]
        self.pages = [replace(make_record(page_index=number), text="") for number in range(N_PAGES)]

    def rows_of(self, pages: Sequence[PageRecord]) -> list[FloatArray]:
        """Read rows."""
        return [self.rows[page.page_index] for page in pages]

    def exact(self, question: AuditQuestion, k: int) -> Found:
        """Score every page."""
        return self._ranked(question, range(N_PAGES))[:k]

    def two_stage(self, question: AuditQuestion, k: int, size: int) -> Found:
        """Score a shortlist."""
        first = sorted(range(N_PAGES), key=lambda number: -maxsim(_rows(question), self.rows[number][:1]))
        return self._ranked(question, first[:size])[:k]

    def _ranked(self, question: AuditQuestion, numbers: Sequence[int]) -> list[tuple[str, float]]:
        found = [(self.pages[number].page_id, maxsim(_rows(question), self.rows[number])) for number in numbers]
        return sorted(found, key=lambda row: -row[1])


def _rows(question: AuditQuestion) -> FloatArray:
    assert question.rows is not None
    return question.rows


@pytest.fixture(scope="module")
def index() -> Index:
    """One index for all."""
    return Index()


@pytest.fixture(scope="module")
def report(index: Index) -> RecallReport:
    """Of five questions."""
    questions = audit_questions(index.pages, index.rows_of, n_questions=5)
    return audit_recall(index.exact, index.two_stage, questions, sizes=(10, 40, N_PAGES))


def test_a_shortlist_of_all_pages_agrees_and_a_short_one_does_not(report: RecallReport) -> None:
    """So the measure tells the two apart; each size keeps its place."""
    assert [size.size for size in report.sizes] == [10, 40, N_PAGES]
    assert report.sizes[-1].agreement == 1
    assert report.sizes[0].agreement < report.sizes[1].agreement < 1


def test_the_mean_is_that_of_the_questions_and_the_worst_comes_first(report: RecallReport) -> None:
    """A mean alone hides the questions that fail."""
    shares = [question.agreement for question in report.sizes[0].by_question]
    assert len(shares) == report.n_questions == 5
    assert shares == sorted(shares)
    assert report.sizes[0].agreement == pytest.approx(np.mean(shares))


def test_the_smallest_shortlist_that_suffices_is_found(report: RecallReport) -> None:
    """And none is made up where no size suffices."""
    assert report.smallest(report.sizes[1].agreement) == report.sizes[1]
    assert report.smallest(1.0) == report.sizes[-1]
    cut = replace(report, sizes=report.sizes[:1])
    assert cut.smallest(1.0) is None


def test_times_are_of_the_searches(index: Index, report: RecallReport) -> None:
    """The slow exact search shows; the untimed first call is not among them."""
    calls: list[str] = []

    def exact(question: AuditQuestion, k: int) -> Found:
        calls.append(question.name)
        return index.exact(question, k)

    questions = audit_questions(index.pages, index.rows_of, n_questions=3)
    audit_recall(exact, index.two_stage, questions, sizes=[20])
    assert calls == [questions[0].name, *(question.name for question in questions)]
    assert report.exact_p50_ms > 0
    assert all(size.p50_ms > 0 for size in report.sizes)


def test_a_page_that_ties_with_the_last_counts_as_found() -> None:
    """Which of two copies of a page is tenth is chance; a page that scores less is a miss, whatever its sign."""
    exact = [("a", -1.0), ("b", -2.0)]
    assert agreement(exact, [("a", -1.0), ("copy", -2.0)]) == 1
    assert agreement(exact, [("a", -1.0), ("c", -2.1)]) == 0.5
    assert agreement(exact, []) == 0


def test_questions_without_an_answer_are_left_out_and_counted(index: Index) -> None:
    """A question that finds nothing exactly agrees with anything."""
    questions = audit_questions(index.pages, index.rows_of, n_questions=4)

    def exact(question: AuditQuestion, k: int) -> Found:
        return () if question is questions[1] else index.exact(question, k)

    report = audit_recall(exact, index.two_stage, questions, sizes=[N_PAGES])
    assert (report.n_questions, report.n_unanswered) == (3, 1)
    with pytest.raises(InvalidInput, match="any of 4 questions"):
        audit_recall(lambda question, k: (), index.two_stage, questions, sizes=[N_PAGES])


def test_shortlists_shorter_than_k_are_not_tried(index: Index) -> None:
    """They cannot hold the answer; where no size is left, the message says so."""
    questions = audit_questions(index.pages, index.rows_of, n_questions=1)
    report = audit_recall(index.exact, index.two_stage, questions, k=10, sizes=(5, 20))
    assert [size.size for size in report.sizes] == [20]
    with pytest.raises(InvalidInput, match="holds the 10 best"):
        audit_recall(index.exact, index.two_stage, questions, k=10, sizes=(5,))


def test_text_pages_are_asked_in_their_words_and_others_by_their_rows(index: Index) -> None:
    """Neighbouring words of the text; rows only of pages that have none."""
    text = "remove the drain plug before filling the gearbox with fresh oil"
    pages = [replace(page, text=text if page.page_index % 2 else "") for page in index.pages]
    questions = audit_questions(pages, index.rows_of, n_questions=40)
    long_words = " ".join(word for word in text.split() if len(word) > 3)
    asked = [question for question in questions if question.text]
    assert 0 < len(asked) < 40
    assert all(question.text in long_words and question.rows is None for question in asked if question.text)
    by_rows = [question for question in questions if question.rows is not None]
    assert len(by_rows) + len(asked) == 40
    for question in by_rows:
        page = next(page for page in pages if question.name == f"{page.document_name}, page {page.page_number}")
        assert not page.text
        assert maxsim(_rows(question), index.rows[page.page_index]) == pytest.approx(len(_rows(question)), abs=1e-3)


def test_the_same_pages_give_the_same_questions(index: Index) -> None:
    """In whatever order a store gives them; another seed gives others."""
    names = [question.name for question in audit_questions(index.pages, index.rows_of, n_questions=9)]
    assert [q.name for q in audit_questions(index.pages[::-1], index.rows_of, n_questions=9)] == names
    assert [q.name for q in audit_questions(index.pages, index.rows_of, n_questions=9, seed=1)] != names


def test_an_empty_index_is_refused(index: Index) -> None:
    """With what to do."""
    with pytest.raises(InvalidInput, match="ingest documents"):
        audit_questions([], index.rows_of)


def test_the_ladder_holds_the_size_in_use() -> None:
    """So that the report shows what the user has now, even where it is larger than the index."""
    assert shortlist_ladder(300, used=200) == (50, 100, 200)
    assert shortlist_ladder(40, used=200) == (200,)


def test_advice_names_the_setting_only_where_it_must_change(report: RecallReport) -> None:
    """Three cases: raise it, leave it, or search exactly."""
    assert advice(report, used=40, wanted=1.0).endswith(f"--min-shortlist {N_PAGES}")
    assert "40 in use suffices" in advice(report, used=40, wanted=report.sizes[1].agreement)
    assert "--mode exact" in advice(replace(report, sizes=report.sizes[:1]), used=40, wanted=1.0)
