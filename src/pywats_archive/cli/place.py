"""The archive or configuration that a verb works on, and how it is found when no option names one."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from pywats_archive.archive.folder.layout import DESCRIPTION
from pywats_archive.errors import ConfigError, UsageError
from pywats_archive.portable.files import WINDOWS

CONFIG_VARIABLE, ARCHIVE_VARIABLE = "PYWATS_ARCHIVE_CONFIG", "PYWATS_ARCHIVE"
_LOCAL = "config.json"
_CONVERTER_KEYS = frozenset({"watch_folder", "module_path"})
"""A section of ``converters`` that has one of these keys is pyWATS' own."""
_MOST_BYTES = 10_000_000
_ROOT = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a verb works on: one archive, or all that a configuration names."""

    path: Path
    is_archive: bool
    found_by: str
    """The option, variable or default that led here."""


class Announcement:
    """Says on stderr which place a verb uses, once, if the verb was called with ``--verbose``."""

    is_wanted = False

    def say(self, place: Place) -> None:
        """Write the line; once only, although several parts of a verb look for its place."""
        if self.is_wanted:
            from pywats_archive.words.text import printable  # noqa: PLC0415 (seldom needed)

            kind = "archive" if place.is_archive else "configuration"
            typer.echo(printable(f"{kind}: {place.path} ({place.found_by})"), err=True)
        self.is_wanted = False


announcement = Announcement()


def place_of(archive: Path | None, config: Path | None) -> Place:
    """Find what a verb works on: the option, the environment, the current folder, or pyWATS' default location."""
    if archive and config:
        raise UsageError("--archive and --config: use one of them, not both")
    if archive:
        return _found(archive, "--archive", is_archive=True)
    if config is None and not os.environ.get(CONFIG_VARIABLE) and (named := archive_of_environment()):
        return _found(named, ARCHIVE_VARIABLE, is_archive=True)
    return _config(config, is_local_used=True)


def config_of(config: Path | None) -> Path:
    """Find the configuration for a verb that needs one; unlike ``place_of`` it never answers with an archive."""
    return _config(config, is_local_used=True).path


def future_config_of(config: Path | None) -> Path:
    """Find the configuration, or the place for a new one: as ``config_of``, but the file need not exist."""
    named = config or os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).absolute()
    try:
        return config_of(None)
    except ConfigError:
        return default_config()


def chosen_archive(archive: Path | None, config: Path | None) -> Path | None:
    """Find which archive of a configuration a verb works on: --archive, or PYWATS_ARCHIVE unless a configuration is named.

    Without this, a verb that needs a configuration could work on another station than the verbs that do not.
    """
    if archive or is_config_named(config):
        return archive
    return archive_of_environment()


def is_config_named(config: Path | None) -> bool:
    """Whether the option or the environment names a configuration."""
    return bool(config or os.environ.get(CONFIG_VARIABLE))


def config_beside(url: str | None, config: Path | None) -> Path | None:
    """Find the configuration for a verb that may name a vault instead: None if it does, and names no configuration too."""
    return config_of(config) if url is None or is_config_named(config) else None


def service_config_of(config: Path | None) -> Path:
    """Find the configuration of a service, which is never that of the folder where the command happens to be called.

    A service moves and removes files and runs converters; the absolute path stays right in another folder.
    """
    return _config(config, is_local_used=False).path


def archive_of_environment() -> Path | None:
    """Return the archive that PYWATS_ARCHIVE names; UsageError if none is there."""
    named = os.environ.get(ARCHIVE_VARIABLE)
    if not named:
        return None
    if not os.path.isfile(Path(named, DESCRIPTION)):  # noqa: PTH113 (False where the folder cannot be read)
        raise UsageError(f"{ARCHIVE_VARIABLE}={named}: there is no archive; correct the variable, or unset it")
    return Path(named)


def likely_config(config: Path | None) -> Path:
    """Find the configuration, or where it would be: for a report on the installation, which also says what is missing."""
    try:
        return config_of(config)
    except ConfigError:
        return default_config()


def default_config() -> Path:
    """Return the place where pyWATS keeps its configuration."""
    if WINDOWS:
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pyWATS" / "config.json"
    return Path("/var/lib/pywats/config.json")


def _config(config: Path | None, *, is_local_used: bool) -> Place:
    if config:
        return _found(config, "--config")
    if named := os.environ.get(CONFIG_VARIABLE):
        if not os.path.isfile(named):  # noqa: PTH113 (False where the file cannot be reached)
            raise UsageError(f"{CONFIG_VARIABLE}={named}: there is no such file; correct the variable, or unset it")
        return _found(Path(named), CONFIG_VARIABLE)
    if is_local_used and _is_of_pywats(Path(_LOCAL)):
        _require_own(Path(_LOCAL))
        return _found(Path(_LOCAL), "the current folder")
    own = default_config()
    if not own.exists():
        raise ConfigError(_missing(own))
    return _found(own, "pyWATS' default location")


def _missing(own: Path) -> str:
    if _is_of_pywats(Path(_LOCAL)):
        return f"{own}: there is no such file; to run this folder's configuration, add --config {_LOCAL}"
    return (
        f"no configuration found: {own} is not there; name pyWATS' config.json with --config or {CONFIG_VARIABLE}, "
        "or run the command in its folder; 'pywats-archive init' creates one"
    )


def _found(path: Path, by: str, *, is_archive: bool = False) -> Place:
    place = Place(path=path.absolute(), is_archive=is_archive, found_by=by)
    announcement.say(place)
    return place


def _is_of_pywats(path: Path) -> bool:
    """Whether a file is a configuration of pyWATS with converters; one with a mistake in its JSON counts, to be named."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return False
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return False
    try:
        return _has_converters(json.loads(text))
    except (ValueError, RecursionError):
        return '"converters"' in text and any(f'"{key}"' in text for key in _CONVERTER_KEYS)


def _has_converters(fields: Any) -> bool:
    sections = fields.get("converters") if isinstance(fields, dict) else None
    return isinstance(sections, list) and any(
        isinstance(each, dict) and not _CONVERTER_KEYS.isdisjoint(each) for each in sections
    )


def _require_own(path: Path) -> None:
    """Raise UsageError for a file that another account may have put here: it leads to code, and was not asked for.

    Converters are looked up in the folder of the file, so a link and a folder in which others may write count too.
    """
    if WINDOWS:
        return
    file, folder = path.lstat(), path.absolute().parent.stat()
    own = (os.geteuid(), _ROOT)
    if stat.S_ISLNK(file.st_mode):
        trouble = "is a link"
    elif file.st_uid not in own or folder.st_uid not in own:
        trouble = "belongs to another account"
    elif folder.st_mode & stat.S_IWOTH:
        trouble = "is in a folder to which every account may write"
    else:
        return
    raise UsageError(f"{path.absolute()}: {trouble}, so it is not used by default; name it with --config {path}")
