"""The answers that the options of ``init`` give, and those that are missing."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pywats_archive.config import PostProcessAction
from pywats_archive.config.server import stripped
from pywats_archive.errors import UsageError, did_you_mean
from pywats_archive.models.settings.setup import ConverterChoice
from pywats_archive.portable.files import read_small
from pywats_archive.redaction import know_token

SERVER_VARIABLE, TOKEN_VARIABLE = "PYWATS_SERVER_URL", "PYWATS_API_TOKEN"
_LONGEST_TOKEN = 10_000
_MOST_DAYS = 36_500


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedConverter:
    """A converter as ``--converter`` names it."""

    name: str
    converter: str
    folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What the options say; None or empty: nothing."""

    server: str = ""
    token: str = field(default="", repr=False)
    station_name: str = ""
    converters_folder: Path | None = None
    archive_folder: Path | None = None
    anchor_folders: tuple[str, ...] = ()
    converters: tuple[NamedConverter, ...] = ()
    retention_days: int | None = None
    max_size_gb: float | None = None
    reports: bool | None = None
    post_action: str | None = None
    encrypt: bool = False
    in_key_store: bool = False
    is_offline: bool = False

    def options(self) -> dict[str, Any]:
        """Return the fields of a new converter that the options set, and their names as ``given``."""
        values = {
            "archive_folder": folder_of(self.archive_folder) if self.archive_folder else None,
            "post_action": self.post_action,
            "archive_output_reports": self.reports,
            "encryption": self.encrypt or None,
            "retention_days": self.retention_days,
            "max_archive_size_gb": self.max_size_gb,
        }
        decided = {key: value for key, value in values.items() if value is not None}
        return {**decided, "given": tuple(decided)}


def server_of(option: str | None) -> str:
    """Return the address that an option or pyWATS' environment variable names."""
    return str(stripped(option or os.environ.get(SERVER_VARIABLE, "")))


def token_of(file: Path | None) -> str:
    """Return the token in a file, or in pyWATS' environment variable; empty if there is none."""
    if file is None:
        token = str(stripped(os.environ.get(TOKEN_VARIABLE, "")))
    else:
        try:
            token = str(stripped(read_small(file, most_bytes=_LONGEST_TOKEN).decode("utf-8-sig")))
        except UnicodeDecodeError as exc:
            raise UsageError(f"--token-file {file}: is not a text file with a token") from exc
        except OSError as exc:
            raise UsageError(f"--token-file {file}: cannot be read ({exc.strerror or exc})") from exc
        if not token:
            raise UsageError(f"--token-file {file}: is empty; write the token into the file")
    know_token("api_token", token)
    return token


def named_converters(words: Sequence[str]) -> tuple[NamedConverter, ...]:
    """Read ``NAME=CLASS[:FOLDER]``, each name once."""
    found: dict[str, NamedConverter] = {}
    for word in words:
        name, _, rest = word.partition("=")
        converter, _, folder = rest.partition(":")
        if not name.strip() or not converter.strip():
            raise UsageError(
                f"invalid --converter '{word}'; use NAME=CLASS or NAME=CLASS:FOLDER, such as ICT=SPEAConverter"
            )
        if name.strip() in found:
            raise UsageError(f"--converter: the name '{name.strip()}' is used twice; choose another one")
        found[name.strip()] = NamedConverter(name=name.strip(), converter=converter.strip(), folder=folder.strip())
    return tuple(found.values())


def address_of(text: str) -> str:
    """Read the address of a server."""
    address = str(stripped(text))
    if not address.startswith(("http://", "https://")):
        raise UsageError(f"'{address}' is no address; write one such as https://yours.wats.com")
    return address


def days_of(text: str) -> int:
    """Read a number of days."""
    if not text.strip().isdecimal() or not 0 < int(text) <= _MOST_DAYS:
        raise UsageError(f"'{text}' is no number of days; write one from 1 to {_MOST_DAYS:,}")
    return int(text)


def size_of(text: str) -> float:
    """Read a size in GB."""
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size <= 1e9:
        raise UsageError(f"'{text}' is no size; write gigabytes, such as 10 or 0.5")
    return size


def chosen(text: str, choices: Sequence[ConverterChoice]) -> ConverterChoice:
    """Return the converter of this number in the list, class, or ``module_path``; UsageError if there is none."""
    text = text.strip()
    if text.isdecimal() and 0 < int(text) <= len(choices):
        return choices[int(text) - 1]
    found = [each for each in choices if text.casefold() in (each.class_name.casefold(), each.module_path.casefold())]
    if found:
        return found[-1]  # the station's own come last, and win as in pyWATS
    if "." in text.strip("."):
        return ConverterChoice(class_name=text.rpartition(".")[2], module_path=text, about="", is_own=True)
    meant = did_you_mean(text, [each.class_name for each in choices])
    known = ", ".join(each.class_name for each in choices)
    raise UsageError(f"no converter '{text}'; {meant}choose from {known}, or write package.module.Class")


def free_name(choice: ConverterChoice, taken: Collection[str]) -> str:
    """Return a short name for a converter that no other has."""
    name = choice.class_name.removesuffix("Converter") or choice.class_name
    numbered = (name if number == 1 else f"{name}{number}" for number in range(1, len(taken) + 2))
    return next(each for each in numbered if each not in taken)


def folder_of(text: str | Path) -> str:
    """Return a folder as it was typed, from the current folder, as an absolute path."""
    return str(Path(text).expanduser().absolute())


def existing_folders_of(named: Sequence[Path]) -> tuple[str, ...]:
    """Return folders for anchors as absolute paths, each once; UsageError if one is not there: a share may not be mounted."""
    folders = tuple(dict.fromkeys(map(folder_of, named)))
    for folder in folders:
        if not Path(folder).is_dir():
            raise UsageError(f"--anchor-folder {folder}: is not a folder; create it, or mount its disk or share")
    return folders


def action_of(text: str) -> str:
    """Read a post action, in any case."""
    known = [each.value for each in PostProcessAction]
    if text.strip().lower() not in known:
        raise UsageError(f"invalid post action '{text}'; {did_you_mean(text, known)}choose from {', '.join(known)}")
    return text.strip().lower()
