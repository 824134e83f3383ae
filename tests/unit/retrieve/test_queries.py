"""From what a user asks to a multi-vector."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from visual_rag.errors import InvalidInput
from visual_rag.records import Query, QueryEmbedding, Region
from visual_rag.retrieve.queries import as_query, joined, page_id_of, question_text
from visual_rag.testing import make_record


def test_words_pictures_and_pages_are_queries() -> None:
    """A query stays what it is."""
    picture, page, query = Image.new("RGB", (2, 2)), make_record(), Query(text="pump")
    assert as_query("pump").text == "pump"
    assert as_query(picture).image is picture
    assert as_query(page).page is page
    assert as_query(query) is query


@pytest.mark.parametrize(
    "asked",
    [
        None,
        5,
        b"pump",
        ["pump"],
        Query(),
        Query(image="photo.png"),  # type: ignore[arg-type]
        Query(page=5),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_looked_for_is_refused(asked: Any) -> None:
    """Before any model is asked."""
    with pytest.raises(InvalidInput):
        as_query(asked)


@pytest.mark.parametrize(
    "region",
    [
        (0.5, 0, 0.5, 1),
        (0, 0.6, 1, 0.4),
        (-0.1, 0, 1, 1),
        (0, 0, 1.1, 1),
        (0, 0, float("nan"), 1),
        (0, 0, 1),
        ("0", "0", "1", "1"),
        5,
        "box",
    ],
)
def test_a_region_that_is_no_part_of_a_page_is_refused(region: Any) -> None:
    """The message has it."""
    with pytest.raises(InvalidInput, match="region"):
        as_query(Query(page=make_record(), region=region))


def test_a_region_may_be_four_plain_numbers() -> None:
    """They are read as left, top, right and bottom."""
    edges: Any = (0, 0.25, 1, 0.5)
    assert as_query(Query(page=make_record(), region=edges)).region == Region(0, 0.25, 1, 0.5)


def test_a_region_needs_a_page() -> None:
    """Words have none."""
    with pytest.raises(InvalidInput, match="page"):
        as_query(Query(text="pump", region=Region(0, 0, 1, 1)))


def test_the_words_of_a_question_are_cut_and_cleaned() -> None:
    """20,000 characters, and no lone surrogates; no words are an empty text."""
    assert question_text(Query(text="a" * 100_000)) == "a" * 20_000
    assert question_text(Query(text="pump \ud800")) == "pump ?"
    assert question_text(Query(page=make_record())) == ""
    number: Any = 5
    with pytest.raises(InvalidInput):
        question_text(Query(text=number))


def test_a_page_is_known_by_record_or_id() -> None:
    """Either names it."""
    page = make_record()
    assert page_id_of(Query(page=page)) == page_id_of(Query(page=page.page_id)) == page.page_id
    assert page_id_of(Query(text="pump")) is None


def test_parts_of_a_query_weigh_the_same() -> None:
    """Whatever their numbers of rows and lengths; the rows are of about unit length together."""
    first = QueryEmbedding(vectors=np.eye(3, 4, dtype=np.float32), tokens=("a", "b", "c"))
    second = QueryEmbedding(vectors=5 * np.eye(1, 4, dtype=np.float32), tokens=("d",))
    both = joined([first, second])
    lengths = np.linalg.norm(both.vectors, axis=1)
    assert both.tokens == ("a", "b", "c", "d")
    assert lengths[:3].sum() == pytest.approx(lengths[3:].sum())
    assert lengths.sum() == pytest.approx(4)
    assert joined([second]) is second
