"""Carries a qualification out: the installation, then the operation in a scratch station."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from pywats_archive.models.time import utc_now
from pywats_archive.portable.user import current_user
from pywats_archive.qualification import installation
from pywats_archive.qualification.operation import Operation
from pywats_archive.qualification.protocol import (
    CheckResult,
    Phase,
    Protocol,
    QualificationCheck,
    Step,
    carried_out,
    failed,
)
from pywats_archive.qualification.scratch import scratch_station

OnCheck = Callable[[QualificationCheck], None]


def qualify(
    *, config: Path | None, archive: Path | None, beside: Path, on_check: OnCheck = lambda check: None
) -> Protocol:
    """Carry out all checks for a configuration, or for one archive; ``on_check`` gets each as soon as it is done.

    The scratch station is a new folder in ``beside``, which is removed in the end; the archives themselves are only read.
    """
    began_at = utc_now()
    checks = []
    for check in _checks(config, archive, beside):
        checks.append(check)
        on_check(check)
    results = [each.result for each in checks]
    return Protocol(
        program=f"{installation.PACKAGE} {metadata.version(installation.PACKAGE)}",
        computer=platform.node(),
        account=current_user(),
        place=str(config or archive),
        began_at=began_at,
        ended_at=utc_now(),
        passed=results.count(CheckResult.PASSED),
        failed=results.count(CheckResult.FAILED),
        not_done=results.count(CheckResult.NOT_DONE),
        checks=tuple(checks),
    )


def _checks(config: Path | None, archive: Path | None, beside: Path) -> Iterator[QualificationCheck]:
    yield from carried_out(Phase.INSTALLATION, installation.steps(config=config, archive=archive))
    try:
        with scratch_station(beside) as station:
            yield from carried_out(Phase.OPERATION, Operation(station=station).steps())
    except OSError as exc:
        why = f"{beside}: no scratch station could be set up, or removed, there ({exc.strerror or exc})"
        yield from carried_out(Phase.OPERATION, [Step("scratch station", "it can be set up", lambda: failed(why))])
