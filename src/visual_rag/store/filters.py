"""The conditions that a search, a count or a delete may carry: values, which each store puts into its engine's words.

    Field("year").between(2020, 2023) & ~Field("language").one_of("de") | Field("text").has_words("wiring diagram")

Keys of conditions made by `Field` are names as users know them; `retrieve.filter_fields` checks them against an index
and turns them into payload paths, which is what a store takes. `filter_matching.matches` is the meaning in plain code;
every store agrees with it:

- A field that a page lacks meets no condition but `IsEmpty`, and meets every `Not` of the others. A field that holds a
  list meets what one of its items meets; lists and mappings inside a list are not looked into.
- Text, numbers and truth values are never equal to each other; 2023 and 2023.0 are. From 2**53 on, where fractions
  can no longer be told apart, only whole numbers are compared, by `In`, and equal only whole numbers.
- Words are runs of letters and digits. Scripts whose vowel signs are marks of their own (Devanagari, Thai) and circled
  letters are cut by the engine, which may differ between Qdrant and qdrant-client's local mode.
- Dates in a page are ISO 8601 text with all its digits (`2024-03-01`, `2024-03-01T10:00:00Z`), in UTC where they say
  nothing else, and compared to the microsecond.
- Of `PAGE_ID`, which is no payload field, only `In` can be asked.
"""

from dataclasses import dataclass
from datetime import date

FieldValue = str | int | float | bool | date
"""What a field can equal. Dates are for users: a store sees a `Between` in their place."""
Bound = int | float | str | date
"""A number, or a date: as ISO 8601 text (`2024-03-01`, `2024-03-01T10:00:00Z`) by the time a store sees it."""
MAX_DEPTH = 100
"""Conditions within conditions; deeper ones are refused, since engines read them by recursion."""


class Condition:
    """What all conditions share: `&`, `|` and `~`."""

    __slots__ = ()

    def __and__(self, other: "Filter") -> "And":
        if not isinstance(other, Condition):
            return NotImplemented
        return And((*_parts(self, And), *_parts(other, And)))

    def __or__(self, other: "Filter") -> "Or":
        if not isinstance(other, Condition):
            return NotImplemented
        return Or((*_parts(self, Or), *_parts(other, Or)))

    def __invert__(self) -> "Not":
        return Not(self)  # type: ignore[arg-type]  # every subclass is one of `Filter`

    def __bool__(self) -> bool:
        """Refuse `and`, `or` and `not`, which Python cannot hand to us.

        Raises:
            TypeError: Always.
        """
        raise TypeError("conditions are combined by &, | and ~, each in brackets, not by and, or and not")


@dataclass(frozen=True, slots=True)
class In(Condition):
    """The field equals one of the values; of none, never."""

    key: str
    values: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class Between(Condition):
    """The field lies within bounds, numbers or dates; None is no bound.

    Attributes:
        key: The field.
        gt: Greater than.
        gte: Greater than or equal to.
        lt: Less than.
        lte: Less than or equal to.
    """

    key: str
    gt: Bound | None = None
    gte: Bound | None = None
    lt: Bound | None = None
    lte: Bound | None = None


@dataclass(frozen=True, slots=True)
class HasWords(Condition):
    """All words of `words` stand whole in the text field, in any order and any case; without a word, never."""

    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Contains(Condition):
    """The text field holds exactly these characters somewhere."""

    key: str
    part: str


@dataclass(frozen=True, slots=True)
class IsEmpty(Condition):
    """The field is missing, null or an empty list."""

    key: str


@dataclass(frozen=True, slots=True)
class IsNull(Condition):
    """The field is there and is null, or a list with a null."""

    key: str


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """The condition is not met."""

    condition: "Filter"


@dataclass(frozen=True, slots=True)
class And(Condition):
    """Every condition is met; of none, always."""

    conditions: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or(Condition):
    """At least one condition is met; of none, never."""

    conditions: tuple["Filter", ...]


Filter = In | Between | HasWords | Contains | IsEmpty | IsNull | Not | And | Or


def all_of(*conditions: Filter | None) -> Filter | None:
    """Join conditions; None stands for no condition."""
    given = tuple(condition for condition in conditions if condition is not None)
    return And(given) if len(given) > 1 else given[0] if given else None


def _parts(condition: Condition, kind: type[And] | type[Or]) -> tuple[Filter, ...]:
    return condition.conditions if isinstance(condition, kind) else (condition,)  # type: ignore[return-value]
