"""Which parts of a request exclude each other. Pure."""

from __future__ import annotations

from collections.abc import Callable

from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay import ReplayRequest

_RULES: tuple[tuple[Callable[[ReplayRequest], object], str], ...] = (
    (
        lambda request: request.dry_run and request.submit_to_server,
        "--dry-run and --submit: a dry run sends nothing; use one of them",
    ),
    (
        lambda request: request.converter_file and not request.dry_run,
        "--converter-file: only with --dry-run; to record reports, make it the station's converter",
    ),
    (
        lambda request: request.converter_file and not request.use_current_converter,
        "--converter-file and --original-converter: use one of them",
    ),
    (
        lambda request: request.converter_file and not request.use_current_parameters,
        "--converter-file: it gets the station's current arguments; leave out --original-parameters",
    ),
    (
        lambda request: request.only_code and not request.use_current_converter,
        "--from-plan and --original-converter: use one of them; the plan names the code",
    ),
    (
        lambda request: request.allow_version and request.use_current_converter,
        "--allow-version: only with --original-converter",
    ),
    (
        lambda request: request.allow_verdict_change is not None and not request.submit_to_server,
        "--allow-verdict-change: only with --submit; a report that is not sent is never held back",
    ),
    (lambda request: _is_blank(request.reason), "--reason: write why"),
    (lambda request: _is_blank(request.allow_verdict_change), "--allow-verdict-change: add a reason"),
    (lambda request: _is_blank(request.allow_unit_change), "--allow-unit-change: add a reason"),
)


def require_possible(request: ReplayRequest) -> None:
    """Raise UsageError if parts of a request exclude each other."""
    for is_broken, message in _RULES:
        if is_broken(request):
            raise UsageError(message)


def _is_blank(reason: str | None) -> bool:
    return reason is not None and not reason.strip()
