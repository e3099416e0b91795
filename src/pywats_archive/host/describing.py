"""The description of a converter: its version, its code, its patterns and its schedule."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.converters import kind_of, loaded_file
from pywats_archive.host.job import ConverterDescription
from pywats_archive.models.code import ConverterCode, code_fingerprint
from pywats_archive.models.conversion import ConverterInfo
from pywats_archive.models.report import LONGEST_ID


def schema_of(instance: Any) -> dict[str, Any]:
    """Return a converter's argument definitions by name: pyWATS' objects, or a legacy converter's dicts."""
    get_legacy = getattr(instance, "get_arguments", None)
    schema = instance.arguments_schema if hasattr(instance, "arguments_schema") else get_legacy() if get_legacy else {}
    return dict(schema or {})


def describe(converter: type, instance: Any, module_path: str) -> ConverterInfo:
    """Return the description of a converter's code."""
    return ConverterInfo(
        converter_class=module_path,
        version=_version(instance),
        fingerprint=_fingerprint(converter),
        class_name=converter.__name__,
        code_files=_code_files(converter),
        distribution=_distribution(converter.__module__),
        password_arguments=frozenset(name for name, d in schema_of(instance).items() if _is_password(d)),
        kind=kind_of(converter) or "file",
    )


def _version(instance: Any) -> str:
    version = str(getattr(instance, "version", ""))
    if len(version) > LONGEST_ID:
        raise ConverterUnavailable(
            f"its version has {len(version):,} characters, and may have {LONGEST_ID:,}: {version[:40]!a}…; correct it"
        )
    return version


def describe_fully(converter: type, instance: Any, module_path: str) -> ConverterDescription:
    """Return a converter's description, with its patterns and its schedule."""
    interval, timeout = getattr(instance, "schedule_interval", None), getattr(instance, "timeout", None)
    delay = getattr(instance, "retry_delay", None)
    return ConverterDescription(
        info=describe(converter, instance, module_path),
        file_patterns=_patterns(getattr(instance, "file_patterns", None) or _legacy_patterns(instance)),
        folder_patterns=_patterns(getattr(instance, "folder_patterns", ())),
        schedule_interval_s=interval.total_seconds() if interval else None,
        cron_expression=getattr(instance, "cron_expression", None),
        run_on_startup=bool(getattr(instance, "run_on_startup", False)),
        timeout_s=timeout.total_seconds() if timeout else None,
        retry_on_failure=bool(getattr(instance, "retry_on_failure", False)),
        retry_delay_s=delay.total_seconds() if delay else 30.0,
    )


def _patterns(said: Any) -> tuple[str, ...]:
    patterns = tuple(said)
    if strange := [pattern for pattern in patterns if not isinstance(pattern, str)]:
        raise ConverterUnavailable(
            f"one of its patterns is a {type(strange[0]).__name__}, and must be a text; correct it"
        )
    return patterns


def _legacy_patterns(instance: Any) -> tuple[str, ...]:
    extensions = getattr(instance, "supported_extensions", ())
    return tuple("*" if extension == "*" else f"*{extension}" for extension in extensions)


def _is_password(definition: Any) -> bool:
    kind = definition.get("type") if isinstance(definition, dict) else getattr(definition, "arg_type", None)
    return str(getattr(kind, "value", kind)).lower() == "password"


@cache
def _distribution(module_name: str) -> str | None:
    top = module_name.partition(".")[0]
    names = _distributions().get(top) if not top.startswith("_converter_") else None
    return f"{names[0]} {metadata.version(names[0])}" if names else None


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the installed distributions by package; for these, Python reads the file list of each distribution."""
    return metadata.packages_distributions()


def code_of(converter: type) -> ConverterCode | None:
    """Return a converter's code as it was loaded: its file, and those of its folder that it imported."""
    files = _files_of(converter)
    return ConverterCode(files=files, class_name=converter.__name__) if files else None


@cache
def _fingerprint(converter: type) -> str:
    files = _files_of(converter)
    return code_fingerprint(files) if files else ""


@cache
def _files_of(converter: type) -> dict[str, bytes]:
    """Return a file's code as it was loaded, or an installed module's code as it is on disk at the first call."""
    loaded = loaded_file(converter)
    if loaded is None:
        return {name: Path(path).read_bytes() for name, path in _code_files(converter)}
    siblings = {_name_beside(path, loaded.path): source for path, source in sorted(loaded.siblings.items())}
    return {loaded.path.name: loaded.source, **siblings}


@cache
def _code_files(converter: type) -> tuple[tuple[str, str], ...]:
    """Return the file that defines a class, and files of its folder that it imported, by their relative names."""
    file = inspect.getsourcefile(converter)
    if not file or not Path(file).is_file():
        return ()
    loaded = loaded_file(converter)
    siblings = sorted(loaded.siblings) if loaded else []
    return ((Path(file).name, file), *((_name_beside(path, Path(file)), str(path)) for path in siblings))


def _name_beside(path: Path, main: Path) -> str:
    return path.relative_to(main.parent).as_posix()
