"""Identities are stable, and records are values."""

from dataclasses import FrozenInstanceError
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.records import PageWord, Region, make_document_id, make_page_id
from visual_rag.testing import make_page, make_record

URIS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_ids_never_change() -> None:
    """Indexes on disk are full of them: a release that made others would lose every page."""
    document_id = make_document_id("file:///manuals/pump.pdf")
    assert document_id == "ef4545e5-a744-565a-a3e2-7bf52d965e94"
    assert make_page_id(document_id, 0) == "78a4a35f-678f-5de3-a2f1-8bade69fd938"


@given(URIS, URIS, st.integers(0, 10**5), st.integers(0, 10**5))
def test_ids_tell_documents_and_pages_apart(one: str, two: str, first: int, second: int) -> None:
    """Equal where their origin is equal, else different, and always UUIDs."""
    assert (make_document_id(one) == make_document_id(two)) == (one == two)
    document_id = make_document_id(one)
    assert (make_page_id(document_id, first) == make_page_id(document_id, second)) == (first == second)
    assert make_page_id(document_id, first) != make_page_id(make_document_id(one + "x"), first)
    assert UUID(document_id).version == UUID(make_page_id(document_id, first)).version == 5


def test_people_count_pages_from_one() -> None:
    """And libraries from zero."""
    assert make_record(page_index=0).page_number == 1


def test_the_text_of_a_page_is_one_line() -> None:
    """Words in the order of the file."""
    page = make_page("oil filter")
    assert page.text == "oil filter"
    assert page.words[0] == PageWord("oil", page.words[0].region)
    assert isinstance(page.words[0].region, Region)


def test_records_are_frozen() -> None:
    """What travels between rooms is not changed on the way."""
    with pytest.raises(FrozenInstanceError):
        make_record().page_index = 3  # type: ignore[misc]
