"""Conditions written as text, for the command line and wherever else a string is taken.

    year >= 2023 and language in ["en", "de"] and not draft == true
    2020 <= year <= 2023 or "pump" in title or has_words(text, "wiring diagram")

The grammar is Python's, of which only this is let through: fields (`year`, `made.on`, `field("odd name")`), texts,
numbers, `true`, `false` and `null`, compared by `== != < <= > >=`, `in` and `not in` a list, and combined by `and`,
`or`, `not` and brackets. `"part" in title` and `contains(title, "part")` ask for exactly these characters,
`has_words(text, "some words")` for whole words in any order and case. `tags == "safety"` is met by a list with that
item. `x is null`, `x == null` and `is_empty(x)` all mean that a field is missing, null or an empty list; `is_null(x)`
that it is there and is null. Dates are text: `made >= "2024-03-01"`. Within a text, a backslash is written twice.

Nothing is run: the text is read into a tree, and the tree into conditions.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from visual_rag.errors import InvalidFilter
from visual_rag.retrieve.filter_text import check_signs, marked
from visual_rag.store.field import Field
from visual_rag.store.filters import MAX_DEPTH, And, Between, Filter, Not, Or

_Made = TypeVar("_Made", bound=Filter)
_MAX_CHARACTERS = 10_000
_LITERALS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "none": None}
_ORDERS: Mapping[type[ast.cmpop], Callable[[Field, Any], Between]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Field, Any], Filter]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    **_ORDERS,
}
_SWAPPED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_BOUNDS = ("gt", "gte", "lt", "lte")
_UPWARDS, _DOWNWARDS = (ast.Lt, ast.LtE), (ast.Gt, ast.GtE)
_OF_TEXT: Mapping[str, Callable[[Field, Any], Filter]] = {"has_words": Field.has_words, "contains": Field.contains}
_OF_FIELD: Mapping[str, Callable[[Field], Filter]] = {"is_empty": Field.is_empty, "is_null": Field.is_null}


def parse_filter(text: str) -> Filter:
    """Read a condition, names as users know them.

    Args:
        text: At most 10,000 characters; see the module for what is legal.

    Returns:
        The condition, not yet checked against an index: `filter_fields.resolve` does that.

    Raises:
        InvalidFilter: The text is none of the language; the message shows the place.

    Example:
        >>> parse_filter("year >= 2023")
        Between(key='year', gt=None, gte=2023, lt=None, lte=None)
    """
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS:
        raise InvalidFilter(f"a filter is text of at most {_MAX_CHARACTERS:,} characters, this is {_measure(text)}")
    line = check_signs(text)
    try:
        tree = ast.parse(line, mode="eval")
    except SyntaxError as error:
        raise InvalidFilter(marked(line, _offset(error, line), _cure(error))) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise InvalidFilter(marked(line, 0, "it is nested too deep or holds what is no text")) from error
    return _Reading(line).condition(tree.body, 0)


def _measure(text: object) -> str:
    return f"{len(text):,} characters" if isinstance(text, str) else repr(text)


def _offset(error: SyntaxError, line: str) -> int:
    """Where Python stopped; it names no place where the text ends too early."""
    return min(error.offset - 1, len(line)) if error.offset else len(line)


def _cure(error: SyntaxError) -> str:
    what = error.msg.split(";")[0]
    return f'{what}; a field with an odd name, or one that Python keeps for itself, is written field("name")'


class _Reading:
    """One text that was read into a tree."""

    def __init__(self, line: str) -> None:
        self._line = line

    def condition(self, node: ast.expr, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise self._wrong(node, f"conditions are nested more than {MAX_DEPTH} deep; write it flatter")
        match node:
            case ast.BoolOp(op=joint, values=parts):
                conditions = tuple(self.condition(part, depth + 1) for part in parts)
                return And(conditions) if isinstance(joint, ast.And) else Or(conditions)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return Not(self.condition(inner, depth + 1))
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return self._comparison(node, left, sign, right)
            case ast.Compare(left=low, ops=[first, second], comparators=[middle, high]):
                return self._chain(node, (low, middle, high), (first, second))
            case ast.Compare():
                raise self._wrong(node, "more than two comparisons in a row; join them by and")
            case ast.Call(func=ast.Name(id=name)) if name in _OF_TEXT or name in _OF_FIELD:
                return self._call(node, name)
        if self._is_field(node):
            raise self._wrong(node, "a field alone is no condition; compare it, such as draft == true")
        raise self._wrong(node, "this is no condition")

    def _comparison(self, node: ast.expr, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Filter:
        if isinstance(sign, ast.In | ast.NotIn):
            found = self._membership(left, right)
            return Not(found) if isinstance(sign, ast.NotIn) else found
        if not self._is_field(left):
            left, right, sign = right, left, _SWAPPED.get(type(sign), type(sign))()
        field, value = self._field(left), self._value(right)
        if value is None and isinstance(sign, ast.Eq | ast.Is):
            return field.is_empty()
        if value is None and isinstance(sign, ast.NotEq | ast.IsNot):
            return Not(field.is_empty())
        if type(sign) not in _COMPARISONS:
            raise self._wrong(node, "`is` goes with null alone; use == instead")
        return self._made(right, lambda: _COMPARISONS[type(sign)](field, value))

    def _membership(self, left: ast.expr, right: ast.expr) -> Filter:
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            field = self._field(left)
            values = [self._value(item) for item in right.elts]
            return self._made(right, lambda: field.one_of(*values))
        if not self._is_field(right):
            raise self._wrong(right, 'after `in` comes a list, such as ["en", "de"], or a field')
        field, part = self._field(right), self._value(left)
        return self._made(left, lambda: field.contains(part) if isinstance(part, str) else field.one_of(part))

    def _chain(self, node: ast.expr, sides: Sequence[ast.expr], signs: Sequence[ast.cmpop]) -> Between:
        """Both bounds hold for one value, which `and` would not say of a field that holds a list."""
        if not any(all(isinstance(sign, way) for sign in signs) for way in (_UPWARDS, _DOWNWARDS)):
            raise self._wrong(node, "two comparisons in a row are written 2020 <= year <= 2023; else join them by and")
        field = self._field(sides[1])
        low, high = self._value(sides[0]), self._value(sides[2])
        parts = (
            self._made(sides[0], lambda: _ORDERS[_SWAPPED[type(signs[0])]](field, low)),
            self._made(sides[2], lambda: _ORDERS[type(signs[1])](field, high)),
        )
        named = {name: getattr(part, name) for part in parts for name in _BOUNDS if getattr(part, name) is not None}
        return Between(parts[0].key, **named)

    def _call(self, node: ast.Call, name: str) -> Filter:
        n_expected = 2 if name in _OF_TEXT else 1
        if len(node.args) != n_expected or node.keywords:
            example = f'{name}(title, "some text")' if n_expected == 2 else f"{name}(title)"
            raise self._wrong(node, f"{name} is written {example}")
        field = self._field(node.args[0])
        if name in _OF_FIELD:
            return _OF_FIELD[name](field)
        text = self._value(node.args[1])
        return self._made(node.args[1], lambda: _OF_TEXT[name](field, text))

    def _is_field(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "field"
        return isinstance(node, ast.Name) and node.id.casefold() not in _LITERALS

    def _field(self, node: ast.expr) -> Field:
        keys: list[str] = []
        root = node
        while isinstance(root, ast.Attribute):
            keys.append(root.attr)
            root = root.value
        match root:
            case ast.Name(id=name) if name.casefold() not in _LITERALS:
                keys.append(name)
            case ast.Call(func=ast.Name(id="field"), args=[ast.Constant(value=str() as name)], keywords=[]) if name:
                keys.append(name)
            case ast.Call(func=ast.Name(id="field")):
                raise self._wrong(root, 'field is written field("odd name")')
            case _:
                raise self._wrong(node, "a field's name is expected here; texts stand in quotes, names do not")
        return Field(".".join(reversed(keys)))

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=None | str() | int() | float() as value):
                return value
            case ast.Name(id=name) if name.casefold() in _LITERALS:
                return _LITERALS[name.casefold()]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as number)):
                return -number if isinstance(sign, ast.USub) else number
        hint = "; texts stand in quotes" if self._is_field(node) else ""
        raise self._wrong(node, f"a text, a number, true, false or null is expected here{hint}")

    def _made(self, node: ast.expr, make: Callable[[], _Made]) -> _Made:
        """What `Field` refuses gets its place in the text."""
        try:
            return make()
        except InvalidFilter as error:
            raise self._wrong(node, str(error)) from error

    def _wrong(self, node: ast.expr, what: str) -> InvalidFilter:
        offset = len(self._line.encode()[: node.col_offset].decode())  # Python counts bytes
        return InvalidFilter(marked(self._line, offset, what))
