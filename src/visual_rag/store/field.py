"""How a condition is written in Python: `Field("year") >= 2023`."""

import math
import re
from datetime import date

from visual_rag.errors import InvalidFilter
from visual_rag.store.filters import Between, Bound, Contains, FieldValue, HasWords, In, IsEmpty, IsNull, Not

_WORD = re.compile(r"[^\W_]")


class Field:
    """A field of a page, to be compared: each comparison is a condition.

    Dates come as `datetime.date`, `datetime.datetime` or ISO 8601 text. A date without a time stands for its whole day
    (UTC): it equals every instant of that day, `<` is before the day, `<=` before its end, `>` after it. A date with a
    time is one instant, in UTC where it has no time zone.

    Two comparisons at once, `2020 <= Field("year") <= 2023`, are more than Python can hand on, and raise; write
    `Field("year").between(2020, 2023)`.

    Args:
        name: Of a page field, such as `page_number`, or of the user's own metadata, nested ones with dots.

    Raises:
        InvalidFilter: The name is empty, or a value is none that a field can be compared with.

    Example:
        >>> Field("year") >= 2023
        Between(key='year', gt=None, gte=2023, lt=None, lte=None)
        >>> Field("language") != "de"
        Not(condition=In(key='language', values=('de',)))
    """

    __slots__ = ("_name",)
    __hash__ = None  # type: ignore[assignment]  # `==` is no equality here, so no set or dict could hold fields

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidFilter(f"a field's name is a text of at least one character, not {name!r}")
        self._name = name

    def __repr__(self) -> str:
        return f"Field({self._name!r})"

    def __bool__(self) -> bool:
        """Refuse to be a condition.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"{self!r} is no condition; compare it, such as {self!r} == True")

    def __eq__(self, value: FieldValue) -> In:  # type: ignore[override]  # a condition, as in every query language
        return In(self._name, (self._value(value),))

    def __ne__(self, value: FieldValue) -> Not:  # type: ignore[override]
        return Not(self == value)

    def __lt__(self, bound: Bound) -> Between:
        return Between(self._name, lt=self._bound(bound))

    def __le__(self, bound: Bound) -> Between:
        return Between(self._name, lte=self._bound(bound))

    def __gt__(self, bound: Bound) -> Between:
        return Between(self._name, gt=self._bound(bound))

    def __ge__(self, bound: Bound) -> Between:
        return Between(self._name, gte=self._bound(bound))

    def one_of(self, *values: FieldValue) -> In:
        """The field equals one of the values; of none, never."""
        return In(self._name, tuple(self._value(value) for value in values))

    def not_one_of(self, *values: FieldValue) -> Not:
        """The field equals none of the values, or is missing."""
        return Not(self.one_of(*values))

    def between(self, low: Bound, high: Bound) -> Between:
        """The field lies within the bounds, which belong to it."""
        return Between(self._name, gte=self._bound(low), lte=self._bound(high))

    def has_words(self, text: str) -> HasWords:
        """All words of `text` stand whole in the field, in any order and any case."""
        if not isinstance(text, str) or not _WORD.search(text):
            raise InvalidFilter(f"'{self._name}' is searched for the words of {text!r}, which holds none")
        return HasWords(self._name, text)

    def contains(self, part: str) -> Contains:
        """The field holds exactly these characters somewhere."""
        if not isinstance(part, str) or not part:
            raise InvalidFilter(f"'{self._name}' is searched for {part!r}; give a text of at least one character")
        return Contains(self._name, part)

    def is_empty(self) -> IsEmpty:
        """The field is missing, null or an empty list."""
        return IsEmpty(self._name)

    def is_null(self) -> IsNull:
        """The field is there and is null, or a list with a null."""
        return IsNull(self._name)

    def _value(self, value: object) -> FieldValue:
        if isinstance(value, str | int | date) or (isinstance(value, float) and math.isfinite(value)):
            return value
        cure = "use is_empty()" if value is None else "use text, a finite number, a truth value or a date"
        if isinstance(value, list | tuple | set | frozenset):
            cure = "use one_of(...) with the values one by one"
        raise InvalidFilter(f"'{self._name}' is compared with {value!r}; {cure}")

    def _bound(self, bound: object) -> Bound:
        is_finite = not isinstance(bound, float) or math.isfinite(bound)
        if isinstance(bound, str | int | float | date) and not isinstance(bound, bool) and is_finite:
            return bound
        raise InvalidFilter(f"'{self._name}' is compared with {bound!r}; bounds are finite numbers or dates")
