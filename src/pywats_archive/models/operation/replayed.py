"""A replayed conversion before it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pywats_archive.models.conversion import ConversionResult, ConverterInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """One entry's replayed conversion, not yet recorded."""

    result: ConversionResult
    converter: ConverterInfo
    """The code that ran, even if it was killed before it could report it."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Its arguments; PASSWORD arguments as keyed fingerprints."""
    source_ids: frozenset[str] = frozenset()
    """Ids of its reports that the source contains, if the entry was imported and they are to be sent."""
