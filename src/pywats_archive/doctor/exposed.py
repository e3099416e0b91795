"""Secrets that other accounts may read: the station's key, and a configuration with a token or a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pywats_archive.archive.anchors.signing import KEY_FILE as SIGNING_KEY
from pywats_archive.config import StationConfig
from pywats_archive.config.keys import IDENTITY_FILE
from pywats_archive.host.settings.key import KEY_FILE
from pywats_archive.portable.private import others_who_may_read

Readers = Callable[[Path], tuple[str, ...]]


def exposed(station: StationConfig, *, readers: Readers = others_who_may_read) -> tuple[str, ...]:
    """Return a line for each file with secrets that other accounts may read, with what to do."""
    return tuple(_of(station, readers))


def _of(station: StationConfig, readers: Readers) -> Iterator[str]:
    for path, content in _files(station):
        try:
            others = readers(path)
        except OSError as exc:
            yield f"{path}: who may read {content} cannot be found out ({exc.strerror or exc}); check the file's rights"
            continue
        if others:
            yield (
                f"{path}: {' and '.join(others)} may read {content}; let only the service's account and the administrators "
                "read the file"
            )


def _files(station: StationConfig) -> Iterator[tuple[Path, str]]:
    if station.server.api_token or station.webhook.webhook_auth_value:
        yield station.path, "the configuration with its token"
    key = station.path.parent / KEY_FILE
    if key.exists():
        yield key, "the station's key"
    signing_key = station.path.parent / SIGNING_KEY
    if signing_key.exists():
        yield signing_key, "the key that signs the history"
    identity = station.path.parent / IDENTITY_FILE
    if identity.exists():
        yield identity, "the key of encrypted archives"
