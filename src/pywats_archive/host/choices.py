"""The converters that a station can choose from: pyWATS' standard ones, and those in the station's own files."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pywats_archive.host.converters import kind_of, new_instance
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.syntax import parsed
from pywats_archive.models.settings.setup import ConverterChoice
from pywats_archive.portable.files import read_small

_STANDARD = "pywats_client.converters.standard"
_ENTRY = frozenset({"convert", "convert_file", "convert_scheduled"})


def choices(converters_folder: Path) -> tuple[ConverterChoice, ...]:
    """Return the standard converters, and those of a folder by their text alone: no code of the station is run."""
    return (*sorted(_standard(), key=lambda each: each.class_name.lower()), *_own(converters_folder))


def _standard() -> Iterator[ConverterChoice]:
    package = pywats_module(_STANDARD)
    for each in pkgutil.iter_modules(package.__path__):
        module = pywats_module(f"{_STANDARD}.{each.name}")
        for name, found in vars(module).items():
            if inspect.isclass(found) and found.__module__ == module.__name__ and kind_of(found):
                made = new_instance(found, {})
                yield ConverterChoice(
                    class_name=name,
                    module_path=f"{module.__name__}.{name}",
                    about=" ".join(str(getattr(made, "description", "")).split()),
                    patterns=tuple(map(str, getattr(made, "file_patterns", ()))),
                )


def _own(folder: Path) -> Iterator[ConverterChoice]:
    for file in sorted(folder.glob("*.py")):
        with suppress(OSError, SyntaxError, ValueError):  # a file that cannot be read is no choice
            for node in parsed(read_small(file)).body:
                if isinstance(node, ast.ClassDef) and _is_converter(node):
                    about = (ast.get_docstring(node) or "").partition("\n")[0]
                    path = f"{file.stem}.{node.name}"
                    yield ConverterChoice(class_name=node.name, module_path=path, about=about, is_own=True)


def _is_converter(node: ast.ClassDef) -> bool:
    """Whether a class looks like a converter: it converts, or is named after one of its kinds."""
    methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    bases = [each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in node.bases]
    return bool(bases) and (
        bool(methods & _ENTRY) or any(base.endswith(("Converter", "ConverterBase")) for base in bases)
    )
