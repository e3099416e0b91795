"""The names of services: one for the machine, or one for each of several configurations."""

from __future__ import annotations

import re

from pywats_archive.errors import UsageError

SERVICE_NAME = "pywats-archive"
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def service_name(instance: str | None) -> str:
    """Return the service's name; UsageError if the instance's name cannot be part of one."""
    if instance is None:
        return SERVICE_NAME
    if not _INSTANCE.fullmatch(instance):
        raise UsageError(
            f"invalid --instance {instance!r}; use up to 40 letters, digits, '-' and '_', beginning with a letter or digit"
        )
    return f"{SERVICE_NAME}-{instance}"
