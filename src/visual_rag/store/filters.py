"""The conditions that a search, a count or a delete may carry.

Small on purpose: conditions are values, and each store translates them into its own engine's language.
"""

from dataclasses import dataclass

FieldValue = str | int | bool


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Pages whose payload field equals one of the values."""

    key: str
    values: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Pages whose numeric payload field is `value` or more."""

    key: str
    value: int


@dataclass(frozen=True, slots=True)
class AllOf:
    """Pages that meet every condition."""

    conditions: tuple["Filter", ...]


Filter = AnyOf | AtLeast | AllOf
