"""The length of files, classes and folders stays such that a stranger finds the place for a change."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pywats_archive"
FILE_LINES, CLASS_LINES, FOLDER_MODULES, TEST_LINES = 300, 200, 12, 400
WIDE_FOLDERS = {"cli", "catalog", "catalog/migrations/versions"}
"""A verb is a file, and so is a table's access, and a migration: these folders are as wide as what they serve."""


def test_no_file_class_or_folder_is_too_long() -> None:
    """Nothing is longer than its limit."""
    assert list(too_long()) == []


def too_long() -> Iterator[str]:
    """Yield the name of each file, class and folder that is over its limit."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name, text = path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")
        if len(text.splitlines()) > FILE_LINES:
            yield name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and _lines(node) > CLASS_LINES:
                yield f"{name}: {node.name}"
    for folder in (PACKAGE, *sorted(path for path in PACKAGE.rglob("*") if path.is_dir())):
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        if len(modules) > FOLDER_MODULES and folder.relative_to(PACKAGE).as_posix() not in WIDE_FOLDERS:
            yield f"{folder.relative_to(PACKAGE).as_posix()}/"
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if len(path.read_text(encoding="utf-8").splitlines()) > TEST_LINES:
            yield path.relative_to(ROOT).as_posix()


def _lines(node: ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_names_of_test_files_are_unique() -> None:
    """pytest imports a test file by its name alone, and stops at the second one of a name, unless it is in a package."""
    found = [path for path in (ROOT / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").exists()]
    assert [name for name, often in Counter(path.name for path in found).items() if often > 1] == []
