"""One attempt of a converter as it is recorded, live or replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pywats_archive.config import ConverterConfig
from pywats_archive.models.conversion import Conversion, ConversionResult, ConverterInfo
from pywats_archive.models.entry import ArchiveEntry


def settings_of(config: ConverterConfig) -> dict[str, Any]:
    """Return a converter's effective configuration without its arguments, which may be secret."""
    return config.model_dump(mode="json", exclude={"arguments"})


def attempt(
    entry: ArchiveEntry,
    result: ConversionResult,
    *,
    config: ConverterConfig,
    configuration: Mapping[str, Any],
    info: ConverterInfo | None,
    parameters: Mapping[str, Any],
    run_id: int | None = None,
) -> Conversion:
    """Return the entry's next conversion; ``configuration`` is ``settings_of(config)``, and ``parameters`` contain no secrets.

    The converter's requested post action only applies to live conversions.
    """
    return Conversion(
        archive_id=entry.archive_id,
        attempt=0,
        started_at=result.started_at,
        duration_ms=result.duration_ms,
        status=result.status,
        converter_name=config.name,
        converter_class=info.converter_class if info and info.is_selected else config.module_path,
        converter_version=info.version if info else None,
        code_fingerprint=info.fingerprint if info else "",
        distribution=info.distribution if info else None,
        parameters=dict(parameters),
        configuration=dict(configuration),
        post_action=None if run_id else result.post_action,
        error=result.error,
        traceback=result.traceback,
        warnings=result.warnings,
        run_id=run_id,
    )
