"""The event of the log that says what a converter watches, and how long and how much of it is kept."""

from __future__ import annotations

from contextlib import suppress

import structlog

from pywats_archive.errors import ArchiveError
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.pipeline.lanes.lane import Lane

log = structlog.get_logger()


def log_ready(lane: Lane) -> None:
    """Log a lane with its policy: the one in force, or the configured one while the archive is away."""
    policy = _policy(lane)
    log.info(
        "converter.ready",
        converter=lane.name,
        watch_folder=lane.config.watch_folder if lane.watches else None,
        archive=str(lane.root) if policy else None,
        retention_enabled=policy.enabled if policy else None,
        retention_days=policy.retention_days if policy else None,
        failed_retention_days=policy.days_for(failed=True) if policy else None,
        max_size_gb=policy.max_size_gb if policy else None,
    )


def _policy(lane: Lane) -> RetentionPolicy | None:
    if lane.mount is None:
        return None
    with suppress(ArchiveError):
        if lane.archive:
            return lane.archive.policies.effective(lane.name)
    return lane.config.retention_policy()
