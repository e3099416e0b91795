"""Finding, loading and describing converters."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.job import ConverterDescription
from pywats_archive.models.code import ConverterCode, code_fingerprint
from pywats_archive.models.conversion import ConverterInfo
from pywats_archive.models.report import LONGEST_ID

_BASES = {
    "file": ("pywats_client.converters.file_converter", "FileConverter"),
    "folder": ("pywats_client.converters.folder_converter", "FolderConverter"),
    "scheduled": ("pywats_client.converters.scheduled_converter", "ScheduledConverter"),
    "legacy": ("pywats_client.converters.base", "ConverterBase"),
}


def load_class(module_path: str, converters_folder: Path) -> type:
    """Load a converter's class: ``package.module.Class``, ``stem.Class`` or ``stem`` of the converters folder, or a .py path.

    A file is read anew when it has changed. ConverterUnavailable says what was looked for and why it failed.
    """
    try:
        return _load(module_path, converters_folder)
    except ConverterUnavailable:
        raise
    except (Exception, SystemExit) as exc:
        words = " ".join(str(exc).split())
        raise ConverterUnavailable(
            f"module_path '{module_path}': its code cannot be loaded ({type(exc).__name__}: {words}); correct it"
        ) from exc


def _load(module_path: str, converters_folder: Path) -> type:
    for file, class_name in _files(module_path, converters_folder):
        if file.is_file():
            return _pick(_load_file(file), class_name, module_path)
    module_name, _, class_name = module_path.rpartition(".")
    if module_name and _is_importable(module_name):
        return _pick(pywats_module(module_name), class_name, module_path)
    raise ConverterUnavailable(
        f"module_path '{module_path}': no such module is installed and no such file lies in {converters_folder}; correct it"
    )


def _files(module_path: str, folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The files that a module path may name, with the class it names in them."""
    if module_path.endswith(".py"):
        yield folder / module_path, None
        return
    head, _, last = module_path.rpartition(".")
    if head.endswith(".py"):
        yield folder / head, last
    with_class = folder.joinpath(*head.split(".")).with_suffix(".py") if head else None
    if with_class:
        yield with_class, last
    yield folder.joinpath(*module_path.split(".")).with_suffix(".py"), None


def _is_importable(name: str) -> bool:
    with suppress(ImportError, ValueError):
        top = importlib.util.find_spec(name.partition(".")[0])
        return top is not None
    return False


def _load_file(file: Path) -> ModuleType:
    """Load a file under a name made from its content, so that an edited one, or one with an edited sibling, is read anew."""
    source = file.read_bytes()
    name = f"_converter_{file.stem}_{hashlib.sha256(source).hexdigest()[:16]}"
    known = _FILES.get(name)
    if known is not None and known.path == file and known.is_current():
        return known.module
    pywats_module("pywats_client.converters.models")
    module = ModuleType(name)
    module.__file__ = str(file)
    before = set(sys.modules)
    sys.modules[name] = module
    try:
        with _siblings_importable(file.parent):
            exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102 (the very bytes that were hashed)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        siblings = _set_apart(before, file.parent)
    _FILES[name] = _Loaded(path=file, source=source, module=module, siblings=siblings)
    return module


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    path: Path
    source: bytes
    module: ModuleType
    siblings: dict[Path, bytes]
    """The modules beside the file that it imported, with what they read."""

    def is_current(self) -> bool:
        return all(path.is_file() and path.read_bytes() == source for path, source in self.siblings.items())


_FILES: dict[str, _Loaded] = {}


def _set_apart(before: set[str], folder: Path) -> dict[Path, bytes]:
    """Take modules that were imported from the folder out of ``sys.modules``: their names may mean others tomorrow."""
    found = {}
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and not name.startswith("_converter_") and Path(file).is_relative_to(folder):
            found[Path(file)] = Path(file).read_bytes()
            del sys.modules[name]
    return found


@contextmanager
def _siblings_importable(folder: Path) -> Iterator[None]:
    """Let modules beside a converter be imported, from their source: no ``__pycache__`` is left in the folder."""
    writes_nothing = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_nothing
        with suppress(ValueError):
            sys.path.remove(str(folder))


def _pick(module: ModuleType, class_name: str | None, module_path: str) -> type:
    if class_name is not None:
        found = getattr(module, class_name, None)
        if not inspect.isclass(found):
            raise ConverterUnavailable(
                f"module_path '{module_path}': {_where(module)} has no class '{class_name}'; correct it"
            )
        if kind_of(found) is None:
            raise ConverterUnavailable(
                f"module_path '{module_path}': '{class_name}' in {_where(module)} has none of pyWATS' converter classes "
                "as its base; correct it"
            )
        return found
    own = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__ and kind_of(c)]
    if len(own) != 1:
        raise ConverterUnavailable(
            f"module_path '{module_path}': {_where(module)} has {len(own)} converter classes; name one of them"
        )
    return own[0]


def _where(module: ModuleType) -> str:
    return str(getattr(module, "__file__", module.__name__))


def kind_of(converter: type) -> str | None:
    """Tell which of pyWATS' base classes a converter has; None when it has none."""
    for kind, (module, name) in _BASES.items():
        if issubclass(converter, getattr(pywats_module(module), name)):
            return kind
    return None


def new_instance(converter: type, arguments: dict[str, Any]) -> Any:
    """Make an instance; a legacy converter's constructor gets the arguments that it names.

    ConverterUnavailable when it cannot be made: a constructor knows nothing of the source, which is not to fail for it.
    """
    try:
        if kind_of(converter) != "legacy":
            return converter()
        wanted = inspect.signature(converter).parameters
        return converter(**{name: value for name, value in arguments.items() if name in wanted})
    except (Exception, SystemExit) as exc:
        raise ConverterUnavailable(f"{converter.__name__} cannot be made ({type(exc).__name__}: {exc})") from exc


def schema_of(instance: Any) -> dict[str, Any]:
    """Give a converter's argument definitions by name: pyWATS' objects, or a legacy converter's dicts."""
    get_legacy = getattr(instance, "get_arguments", None)
    schema = instance.arguments_schema if hasattr(instance, "arguments_schema") else get_legacy() if get_legacy else {}
    return dict(schema or {})


def describe(converter: type, instance: Any, module_path: str) -> ConverterInfo:
    """Give what is known of a converter's code."""
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
    """Give what a converter says of itself, its patterns and its schedule."""
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
    names = metadata.packages_distributions().get(top) if not top.startswith("_converter_") else None
    return f"{names[0]} {metadata.version(names[0])}" if names else None


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
    """The code as it was loaded where it is a file's; that of an installed module as it lies there when it is asked for."""
    loaded = _FILES.get(converter.__module__)
    if loaded is None:
        return {name: Path(path).read_bytes() for name, path in _code_files(converter)}
    siblings = {_name_beside(path, loaded.path): source for path, source in sorted(loaded.siblings.items())}
    return {loaded.path.name: loaded.source, **siblings}


@cache
def _code_files(converter: type) -> tuple[tuple[str, str], ...]:
    """The file that defines a class, and those of its folder that it imported, by their names from there."""
    file = inspect.getsourcefile(converter)
    if not file or not Path(file).is_file():
        return ()
    loaded = _FILES.get(converter.__module__)
    siblings = sorted(loaded.siblings) if loaded else []
    return ((Path(file).name, file), *((_name_beside(path, Path(file)), str(path)) for path in siblings))


def _name_beside(path: Path, main: Path) -> str:
    return path.relative_to(main.parent).as_posix()
