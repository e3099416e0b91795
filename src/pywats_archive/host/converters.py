"""Finding and loading converters."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.headless import pywats_module

_BASES = {
    "file": ("pywats_client.converters.file_converter", "FileConverter"),
    "folder": ("pywats_client.converters.folder_converter", "FolderConverter"),
    "scheduled": ("pywats_client.converters.scheduled_converter", "ScheduledConverter"),
    "legacy": ("pywats_client.converters.base", "ConverterBase"),
}


def load_class(module_path: str, converters_folder: Path) -> type:
    """Load a converter's class: ``package.module.Class``, ``stem.Class`` or ``stem`` of the converters folder, or a .py path.

    A file is read again if it has changed. ConverterUnavailable says what was searched for and why that failed.
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
    """Load a file under a name made from its content, so that an edited one, or one with an edited sibling, is read again."""
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
    _FILES[name] = LoadedFile(path=file, source=source, module=module, siblings=siblings)
    return module


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedFile:
    """A converter's file as it was loaded."""

    path: Path
    source: bytes
    module: ModuleType
    siblings: dict[Path, bytes]
    """The modules beside the file that it imported, with what they read."""

    def is_current(self) -> bool:
        return all(path.is_file() and path.read_bytes() == source for path, source in self.siblings.items())


_FILES: dict[str, LoadedFile] = {}


def loaded_file(converter: type) -> LoadedFile | None:
    """Return the file that a class was loaded from; None for a class of an installed module."""
    return _FILES.get(converter.__module__)


def _set_apart(before: set[str], folder: Path) -> dict[Path, bytes]:
    """Remove modules imported from the folder from ``sys.modules``: their names may later mean other modules."""
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
                f"module_path '{module_path}': '{class_name}' in {_where(module)} is not derived from one of pyWATS' "
                "converter classes; correct it"
            )
        return found
    own = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__ and kind_of(c)]
    if len(own) != 1:
        raise ConverterUnavailable(f"module_path '{module_path}': {_where(module)} has {_counted(own)}")
    return own[0]


def _counted(classes: list[type]) -> str:
    if not classes:
        return "no class that is derived from one of pyWATS' converter classes; correct it"
    names = ", ".join(sorted(each.__name__ for each in classes))
    return f"{len(classes)} converter classes ({names}); name one of them"


def _where(module: ModuleType) -> str:
    return str(getattr(module, "__file__", module.__name__))


def kind_of(converter: type) -> str | None:
    """Return the kind of pyWATS' base class that a converter has; None if it has none."""
    for kind, (module, name) in _BASES.items():
        if issubclass(converter, getattr(pywats_module(module), name)):
            return kind
    return None


def new_instance(converter: type, arguments: dict[str, Any]) -> Any:
    """Create an instance; a legacy converter's constructor gets the arguments that it names.

    ConverterUnavailable if that fails: a constructor does not know the source, so the source must not fail because of it.
    """
    try:
        if kind_of(converter) != "legacy":
            return converter()
        wanted = inspect.signature(converter).parameters
        return converter(**{name: value for name, value in arguments.items() if name in wanted})
    except (Exception, SystemExit) as exc:
        raise ConverterUnavailable(f"{converter.__name__} cannot be created ({type(exc).__name__}: {exc})") from exc
