"""Which fields a hit's page brings along, and whether the fields that settings name are there at all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from visual_rag.errors import InvalidInput
from visual_rag.records import PageRecord
from visual_rag.retrieve.filter_fields import Kinds, legal_fields
from visual_rag.settings import Boost, SearchSettings
from visual_rag.store.protocol import FieldKind
from visual_rag.store.schema import METADATA, TEXT_LAYER


def check_named_fields(settings: SearchSettings, fields: Mapping[str, Kinds]) -> None:
    """Refuse settings that name fields which no page has: what is silently ignored misleads.

    Args:
        settings: Of a search.
        fields: Of the index's metadata.

    Raises:
        InvalidInput: `include_fields` or `exclude_fields` names a field that is not there or always comes along, or a
            boost one that is not there or holds nothing of the kind that it aims at.
    """
    for boost in settings.boosts:
        _check_boost(boost, legal_fields(fields))
    nested = {name[:place] for name in fields for place, sign in enumerate(name) if sign == "."}
    legal = {TEXT_LAYER, *fields, *nested}
    for name in (*(settings.include_fields or ()), *settings.exclude_fields):
        if name.removeprefix(f"{METADATA}.") not in legal:
            raise InvalidInput(
                f"hits have no field '{name}' to keep or leave out, only {', '.join([TEXT_LAYER, *sorted(fields)])}"
            )


def _check_boost(boost: Boost, legal: Mapping[str, Kinds]) -> None:
    name = boost.field if boost.field in legal else boost.field.removeprefix(f"{METADATA}.")
    if name not in legal:
        raise InvalidInput(f"no field is called '{boost.field}' to boost by; there are {', '.join(legal)}")
    wanted: FieldKind = "number"
    if boost.target is None or isinstance(boost.target, str):
        wanted = "truth" if boost.target is None else "date"
    if wanted not in legal[name]:
        held = " and ".join(sorted(legal[name])) or "nothing"
        raise InvalidInput(
            f"the boost by '{boost.field}' aims at {boost.target!r}, and the field holds {held}: give a number for "
            "numbers, ISO 8601 text or 'now' for dates, None for truth values"
        )


def trimmed(page: PageRecord, settings: SearchSettings) -> PageRecord:
    """Leave out of a page what was not asked for: of its text layer and its metadata."""
    included, excluded = settings.include_fields, settings.exclude_fields
    if included is None and not excluded:
        return page
    has_text = (included is None or TEXT_LAYER in included) and TEXT_LAYER not in excluded
    own = None if included is None else _own_names(included)
    metadata = _kept(page.metadata, "", own, _own_names(excluded))
    return replace(page, text=page.text if has_text else "", metadata=metadata)


def _own_names(names: Sequence[str]) -> list[str]:
    return [name.removeprefix(f"{METADATA}.") for name in names]


def _kept(
    fields: Mapping[str, Any], prefix: str, included: Sequence[str] | None, excluded: Sequence[str]
) -> dict[str, Any]:
    """Keep what is included, None for all, and not excluded; fields within fields are named with dots."""
    kept: dict[str, Any] = {}
    for key, value in fields.items():
        name = f"{prefix}{key}"
        is_whole = included is None or name in included
        if name in excluded:
            continue
        if isinstance(value, Mapping) and any(other.startswith(f"{name}.") for other in (*excluded, *(included or ()))):
            inner = _kept(value, f"{name}.", None if is_whole else included, excluded)
            kept |= {key: inner} if inner or is_whole else {}
        elif is_whole:
            kept[key] = value
    return kept
