"""The text of a filter: every legal form, and an error with its place for everything else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.errors import InvalidFilter
from visual_rag.retrieve.filter_language import parse_filter
from visual_rag.retrieve.filter_text import LEGAL
from visual_rag.store.filters import MAX_DEPTH, And, Between, Contains, Filter, HasWords, In, IsEmpty, IsNull, Not, Or

LEGAL_TEXTS: list[tuple[str, Filter]] = [
    ("year >= 2023", Between("year", gte=2023)),
    ("year > 2023", Between("year", gt=2023)),
    ("year == 2023", In("year", (2023,))),
    ("year != 2023", Not(In("year", (2023,)))),
    ("3 < page_number", Between("page_number", gt=3)),
    ("3 >= page_number", Between("page_number", lte=3)),
    ("'a' == name", In("name", ("a",))),
    ("2020 <= year < 2023", Between("year", gte=2020, lt=2023)),
    ("2023 > year >= 2020", Between("year", gte=2020, lt=2023)),
    ("-1.5 < x <= +1e3", Between("x", gt=-1.5, lte=1000.0)),
    ('language in ["en", "de"]', In("language", ("en", "de"))),
    ('language not in ("en",)', Not(In("language", ("en",)))),
    ("year in {2020, 2021}", In("year", (2020, 2021))),
    ("year in []", In("year", ())),
    ('"pump" in title', Contains("title", "pump")),
    ('"pump" not in title', Not(Contains("title", "pump"))),
    ("5 in years", In("years", (5,))),
    ('contains(title, "x")', Contains("title", "x")),
    ('has_words(text, "wiring diagram")', HasWords("text", "wiring diagram")),
    ("is_empty(x)", IsEmpty("x")),
    ("is_null(x)", IsNull("x")),
    ("x is None", IsEmpty("x")),
    ("x is not null", Not(IsEmpty("x"))),
    ("NULL == x", IsEmpty("x")),
    ("x != none", Not(IsEmpty("x"))),
    ("draft == TRUE", In("draft", (True,))),
    ("not draft == false", Not(In("draft", (False,)))),
    ('made.on >= "2024-03-01"', Between("made.on", gte="2024-03-01")),
    ('field("odd name") == 1', In("odd name", (1,))),
    ('field("a b").c == 1', In("a b.c", (1,))),
    ('größe == "ß = # & \'"', In("größe", ("ß = # & '",))),
    (r'name == "C:\\new \"x\""', In("name", ('C:\\new "x"',))),
    ("\n  a == 1\n  and b == 2\t", And((In("a", (1,)), In("b", (2,))))),
    ("a == 1 or b == 2 and not c == 3", Or((In("a", (1,)), And((In("b", (2,)), Not(In("c", (3,)))))))),
    ("(a == 1 or b == 2) and c == 3", And((Or((In("a", (1,)), In("b", (2,)))), In("c", (3,))))),
    ("not(" * MAX_DEPTH + "1 < a" + ")" * MAX_DEPTH, Between("a", gt=1)),  # an even number of them
]


@pytest.mark.parametrize(("text", "meant"), LEGAL_TEXTS)
def test_legal_text_is_read(text: str, meant: Filter) -> None:
    """As Python reads it: its precedence, its texts, its chains."""
    found = parse_filter(text)
    while isinstance(found, Not) and isinstance(found.condition, Not):
        found = found.condition.condition
    assert found == meant


ILLEGAL: list[tuple[str, str, str]] = [  # what, where (the caret's mark follows it), message
    ("", "", "is empty"),
    ("  \n ", "", "is empty"),
    ("year = 2023", "year ", "use == instead of ="),
    ("year === 2023", "year ", "use == instead of ="),
    ("a == 1 && b == 2", "a == 1 ", "use and instead of &"),
    ("(a == 1) & (b == 2)", "(a == 1) ", "use and instead of &"),
    ("a == 1 || b == 2", "a == 1 ", "use or instead of |"),
    ("!a == 1", "", "use not instead of ~ or !"),
    ("a <> 1", "a ", "use != instead of <>"),
    ("a == 1 # b == 2", "a == 1 ", "no comments"),
    ('a in ["x" "y"]', 'a in ["x"', "put a comma"),
    ('a == """x"""', 'a == ""', "put a comma"),
    ('a == r"x"', "a == ", "between a word and a text"),
    ('a == "x"and b == 1', 'a == "x"', "between a text and a word"),
    ("a == 2020and b == 1", "a == 2020", "between a number and a word"),
    ('a == "C:\\new"', 'a == "C:', "backslash in a text is written twice"),
    ("a == \\1", "a == ", "backslash stands only in a text"),
    ('a == "x', "a == ", "does not end"),
    ("a\0 == 1", "a", "this character"),
    ("draft", "", "a field alone"),
    ("a == 1 and draft", "a == 1 and ", "a field alone"),
    ("a ==", "a ==", "invalid syntax"),
    ("a == 1)", "a == 1", "unmatched"),
    ("class == 1", "", 'written field("name")'),
    ("a == b", "a == ", "texts stand in quotes"),
    ("a in b", "", "texts stand in quotes"),
    ("a == [1]", "a == ", "a number, true, false or null is expected"),
    ("a == 1j", "a == ", "is expected"),
    ("a == ...", "a == ", "is expected"),
    ("a == 1 + 1", "a == ", "is expected"),
    ('a in "abc"', "a in ", "comes a list"),
    ("a in [1, b]", "a in [1, ", "is expected"),
    ("a in [1, null]", "a in ", "use is_empty()"),
    ("null in a", "", "use is_empty()"),
    ("1 == 2", "1 == ", "a field's name is expected"),
    ("a is 3", "", "use == instead"),
    ("a < true", "a < ", "bounds are"),
    ("a < null", "a < ", "bounds are"),
    ("a == 1e999", "a == ", "finite"),
    ("1 < a > 3", "", "two comparisons in a row"),
    ("1 == a == 1", "", "two comparisons in a row"),
    ("1 < 2 < 3", "1 < ", "a field's name is expected"),
    ("1 < a < b", "1 < a < ", "is expected"),
    ("1 < a < 3 < 4", "", "more than two"),
    ("has_words(text)", "", 'written has_words(title, "some text")'),
    ("is_null(a, b)", "", "written is_null(title)"),
    ('has_words("text", "x")', "has_words(", "a field's name is expected"),
    ('has_words(text, "--")', "has_words(text, ", "holds none"),
    ("contains(text, 3)", "contains(text, ", "at least one character"),
    ("field(1) == 1", "", 'field("odd name")'),
    ('field("") == 1', "", 'field("odd name")'),
    ('__import__("os").system("x")', "", "no condition"),
    ("a.b() == 1", "a.b() == ", "a field's name is expected"),
    ("[a for a in b]", "", "no condition"),
    ("lambda: 1", "", "no condition"),
    ("größe == ß", "größe == ", "texts stand in quotes"),
]


@pytest.mark.parametrize(("text", "before", "message"), ILLEGAL)
def test_illegal_text_is_refused_with_its_place(text: str, before: str, message: str) -> None:
    """What is wrong, the text with a caret under the place, and what is legal."""
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text)
    what, shown, caret, legal = str(caught.value).split("\n")
    assert message in what
    assert shown[4:].startswith(before.replace("\0", " "))
    assert caret == " " * (4 + len(before)) + "^"
    assert legal == LEGAL


HUGE: list[Any] = [
    3,
    "x" * 10_001,
    "(" * 5_000,
    '("' * 3_000,
    "[" * 150 + "]" * 150,
    "-" * 9_000 + "1 == a",
    "not " * 2_400 + "a == 1",
    "a" + ".b" * 4_900 + " == 1",
    "a == 1 and (" * 190 + "a == 1" + ")" * 190,
    "a == " + "9" * 5_000,
    "lambda:" * 1_400 + "1",
    "1**" * 3_000 + "1",
    "1+" * 4_000 + "1 == a",
    "a if b else " * 800 + "c",
    "a < " * 2_400 + "1",
    "\ud800 == 1",
    'a == "\ud800"',
]


@pytest.mark.parametrize("text", HUGE, ids=lambda text: str(text)[:12].encode(errors="replace").decode())
def test_huge_text_is_refused(text: Any) -> None:
    """Without harm to the interpreter, and with a message of a few lines."""
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text)
    assert len(str(caught.value)) < 1_000


def test_a_long_filter_shows_the_part_that_is_wrong() -> None:
    """The caret stands under it all the same."""
    with pytest.raises(InvalidFilter) as caught:
        parse_filter("a == 1 and " * 100 + "b = 2" + " and a == 1" * 100)
    _, shown, caret, _ = str(caught.value).split("\n")
    assert shown[caret.index("^") - 2 :].startswith("b = 2")


PIECES = [*"ab.'\"\\ =<>!()[],:#&|~-+*\n1e", " and ", " not ", " in ", "is", "null", "é"]


@given(pieces=st.lists(st.sampled_from(PIECES)))
def test_any_text_is_read_or_refused(pieces: list[str]) -> None:
    """Never another error, and never a warning."""
    try:
        parse_filter("".join(pieces))
    except InvalidFilter as error:
        assert LEGAL in str(error)  # noqa: PT017


@given(value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
def test_any_text_can_be_asked_for(value: str) -> None:
    """Once its backslashes and quotes are escaped."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_filter(f'name == "{quoted}"') == In("name", (value,))
