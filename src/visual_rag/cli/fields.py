"""What people type for fields of their own: `year=2023`, `tags=["pump", "safety"]`, `language=en`.

>>> read_fields(["year=2023", "made=2024-03-01"], ["draft"])
{'year': 2023, 'made': '2024-03-01', 'draft': None}
"""

import json
from collections.abc import Sequence
from typing import Any

import typer


def read_fields(values: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Read what is to be written, and what is to be taken away.

    Args:
        values: `FIELD=VALUE` each: JSON where it reads as such, else text.
        names: Of fields to take away.

    Returns:
        Values by field; None takes a field away.

    Raises:
        BadParameter: There is nothing to do, a value has no field, or a field is named twice.
    """
    pairs = [*(_pair(text) for text in values), *((name, None) for name in names)]
    if not pairs:
        raise typer.BadParameter("say what to write, such as --set year=2023, or to take away, --unset year")
    named = [name for name, _ in pairs]
    for name in named:
        if named.count(name) > 1:
            raise typer.BadParameter(f"the field '{name}' is named twice; name it once")
    return dict(pairs)


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--set '{text}' has no field; write it FIELD=VALUE, such as year=2023")
    return name, _value(value)


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, whatever Python thinks: they are text like any other."""
    raise ValueError(constant)
