"""Conditions as they are written in Python: each comparison one value, and each mistake an error."""

import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest

from visual_rag.errors import InvalidFilter
from visual_rag.store.field import Field
from visual_rag.store.filters import And, Between, Contains, HasWords, In, IsEmpty, IsNull, Not, Or

year, name = Field("year"), Field("name")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (year == 2023, In("year", (2023,))),
        (year != 2023, Not(In("year", (2023,)))),
        (year == 1.5, In("year", (1.5,))),
        (year == True, In("year", (True,))),  # noqa: E712
        (date(2024, 3, 1) == year, In("year", (date(2024, 3, 1),))),
        (year < 3, Between("year", lt=3)),
        (year <= 3, Between("year", lte=3)),
        (year > "2024-03-01", Between("year", gt="2024-03-01")),
        (datetime(2024, 3, 1, tzinfo=UTC) <= year, Between("year", gte=datetime(2024, 3, 1, tzinfo=UTC))),
        (2020 <= year, Between("year", gte=2020)),  # noqa: SIM300
        (year.between(2020, 2023), Between("year", gte=2020, lte=2023)),
        (name.one_of("a", "b"), In("name", ("a", "b"))),
        (name.one_of(), In("name", ())),
        (name.not_one_of("a"), Not(In("name", ("a",)))),
        (name.has_words("wiring diagram"), HasWords("name", "wiring diagram")),
        (name.contains("E-40"), Contains("name", "E-40")),
        (name.is_empty(), IsEmpty("name")),
        (name.is_null(), IsNull("name")),
        ((year > 1) & (year < 3) & name.is_null(), And((Between("year", gt=1), Between("year", lt=3), IsNull("name")))),
        ((year > 1) | ~(year < 3), Or((Between("year", gt=1), Not(Between("year", lt=3))))),
    ],
)
def test_a_comparison_is_a_condition(written: Any, meant: Any) -> None:
    """Equal as a value, whatever way it was made, and it can be sent to another process."""
    assert type(written) is type(meant)
    assert written == meant
    assert pickle.loads(pickle.dumps(written)) == meant


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: 2020 <= year <= 2023,
        lambda: (year > 1) and (year < 3),
        lambda: not (year > 1),
        lambda: "yes" if year else "no",
        lambda: (year > 1) & year,
        lambda: (year > 1) | True,
        lambda: {year: 1},
        lambda: "pump" in name,
    ],
)
def test_what_python_cannot_hand_on_is_an_error(mistake: Any) -> None:
    """Nothing is silently left out."""
    with pytest.raises(TypeError):
        mistake()


def test_a_chained_comparison_names_the_way_out() -> None:
    """The message says how conditions are combined."""
    with pytest.raises(TypeError, match=r"&, \| and ~"):
        _ = 1 < year < 3


@pytest.mark.parametrize(
    ("mistake", "cure"),
    [
        (lambda: Field(""), "at least one character"),
        (lambda: year == None, r"use is_empty\(\)"),  # noqa: E711
        (lambda: year == [1], "use one_of"),
        (lambda: year.one_of([1, 2]), "use one_of"),
        (lambda: year.one_of(float("nan")), "finite"),
        (lambda: object() == year, "use text"),
        (lambda: year < True, "True"),
        (lambda: year < None, "None"),
        (lambda: year.between(1, float("inf")), "inf"),
        (lambda: name.has_words("..."), "holds none"),
        (lambda: name.has_words(3), "3"),
        (lambda: name.contains(""), "at least one character"),
    ],
)
def test_a_value_that_means_nothing_is_refused(mistake: Any, cure: str) -> None:
    """With the value and what to write instead."""
    with pytest.raises(InvalidFilter, match=cure):
        mistake()


def test_a_field_shows_its_name() -> None:
    """As it is written."""
    assert repr(Field("odd name")) == "Field('odd name')"
