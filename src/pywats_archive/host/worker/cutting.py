"""A converter's texts, shortened to a readable length.

Secrets are removed from the whole text first: a part of a secret that the cut leaves would not be recognized.
"""

from __future__ import annotations

from collections.abc import Iterable

from pywats_archive.host.job import ConversionJob
from pywats_archive.host.settings.secrets import redaction_of
from pywats_archive.redaction import Redaction, know_address, know_token, redacted

_MOST_EXAMINED = 1_000_000
"""Only this many characters of a longer text are examined."""
_MARGIN = 100
"""More than redaction may leave of a value at the end of the examined text."""


class _Secrets:
    """The secrets of the current job; a worker has one at a time."""

    redaction = Redaction()


def know_job(job: ConversionJob) -> None:
    """Register the secrets of a job: all its arguments, until it is known which of them are secret."""
    know_token("api_token", job.api_token)
    know_address("service_address", job.service_address)
    know_arguments(job, None)


def know_arguments(job: ConversionJob, names: Iterable[str] | None) -> None:
    """Register which of a job's arguments are secret; None: all."""
    _Secrets.redaction = redaction_of(job.arguments, names)


def beginning(text: str, most: int) -> str:
    """Return at most this many characters from the beginning of a text, without a part of a secret at the cut."""
    if len(text) <= most:
        return text
    if len(text) > _MOST_EXAMINED:
        return _clean(text[:_MOST_EXAMINED])[:-_MARGIN][:most]
    return _clean(text)[:most]


def end(text: str, most: int) -> str:
    """Return at most this many characters from the end of a text, without a part of a secret at the cut."""
    if len(text) <= most:
        return text
    if len(text) > _MOST_EXAMINED:
        return _clean(text[-_MOST_EXAMINED:])[_MARGIN:][-most:]
    return _clean(text)[-most:]


def _clean(text: str) -> str:
    return redacted(_Secrets.redaction.apply(text))
