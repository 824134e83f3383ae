"""What the user's metadata fields hold, so that filters can be checked before an engine ignores them.

>>> kinds_of({"year": 2023, "tags": ["a", "b"], "made": {"on": "2024-03-01"}})
{'year': frozenset({'number'}), 'tags': frozenset({'text'}), 'made.on': frozenset({'date'})}
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, get_args

from visual_rag.store.protocol import FieldKind

Kinds = Mapping[str, frozenset[FieldKind]]
_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?")
_PLAIN_KEY = re.compile(r"[\w-]+")
_PATH_KEY = re.compile(r'"([^"]*)"|([^."]+)')
_UNNAMEABLE = re.compile(r'[."\\\[\]]')


def kinds_of(metadata: Mapping[str, Any]) -> dict[str, frozenset[FieldKind]]:
    """Name the fields of one page's metadata, and what each holds.

    Args:
        metadata: Values as JSON has them.

    Returns:
        By name, nested ones with dots. A list counts by its items, a mapping by its fields; what no condition can
        compare (null, an empty list, mappings or lists within a list) has no kind. A field that cannot be named, since
        its own name is empty or holds a dot, a quote or a bracket, is left out.
    """
    return {name: frozenset(_kinds(value)) for name, value in _leaves(metadata)}


def field_path(name: str) -> str:
    """Make the payload path of a metadata field, as engines read it, of its name in `kinds_of`.

    >>> field_path("pump.Serial No")
    'metadata.pump."Serial No"'
    """
    return ".".join(["metadata", *(key if _PLAIN_KEY.fullmatch(key) else f'"{key}"' for key in name.split("."))])


def path_keys(path: str) -> list[str]:
    """Cut a payload path into the keys that lead to its value."""
    return [quoted or plain for quoted, plain in _PATH_KEY.findall(path)]


def merge(known: Kinds, new: Kinds) -> dict[str, frozenset[FieldKind]]:
    """Unite what was seen before with what is seen now."""
    nothing: frozenset[FieldKind] = frozenset()
    return {name: known.get(name, nothing) | new.get(name, nothing) for name in {**known, **new}}


def as_payload(kinds: Kinds) -> dict[str, Any]:
    """Make plain values, ready for JSON: pairs, since a name may hold dots and no engine reads these fields."""
    return {"fields": [[name, sorted(kinds[name])] for name in sorted(kinds)]}


def from_payload(payload: Mapping[str, Any]) -> dict[str, frozenset[FieldKind]]:
    """Read back what `as_payload` made; kinds that this release does not know are left out."""
    known = frozenset[FieldKind](get_args(FieldKind))
    return {name: known & frozenset(kinds) for name, kinds in payload["fields"]}


def _leaves(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", metadata)]
    while waiting:  # no recursion: metadata may be nested deeper than Python calls
        prefix, fields = waiting.pop()
        for key, value in fields.items():
            if not key or _UNNAMEABLE.search(key):
                continue
            if isinstance(value, Mapping) and value:
                waiting.append((f"{prefix}{key}.", value))
            else:
                yield f"{prefix}{key}", value


def _kinds(value: object) -> Iterator[FieldKind]:
    for item in value if isinstance(value, list | tuple) else (value,):
        if isinstance(item, bool):
            yield "truth"
        elif isinstance(item, int | float):
            yield "number"
        elif isinstance(item, str):
            yield "date" if _is_date(item) else "text"


def _is_date(text: str) -> bool:
    if not _ISO_8601.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
