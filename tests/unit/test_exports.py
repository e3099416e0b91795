"""The names that the package offers."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import pywats_archive
from pywats_archive import errors
from pywats_archive.client.awaitable import AsyncClient, AsyncRetention, AsyncSettings, AsyncVault
from pywats_archive.client.face import Face
from pywats_archive.client.settings.station import StationSettings
from pywats_archive.client.vault.station import StationVault
from pywats_archive.retention.station import StationRetention

USED = (
    pywats_archive.Client,
    StationRetention,
    StationSettings,
    StationVault,
    pywats_archive.ArchiveStorage,
    pywats_archive.RetentionEngine,
    pywats_archive.ReprocessingEngine,
    pywats_archive.ArchiveInterceptor,
)
INNER = {
    "Archive",
    "OpenArchives",
    "Stored",
    "StationConfig",
    "StationOutline",
    "ConverterOutline",
    "Look",
    "NewSource",
    "NextState",
    "StoredCodes",
}
"""What methods take from each other, and no program does."""


@pytest.mark.parametrize("name", pywats_archive.__all__)
def test_each_exported_name_can_be_imported(name: str) -> None:
    """Exports are loaded when they are first used, so a module that moved must move in their list as well."""
    assert getattr(pywats_archive, name).__name__ == name


def test_type_checkers_see_the_same_names() -> None:
    """A name that only one of the two lists has is missing for a program or for its type checker."""
    tree = ast.parse(Path(pywats_archive.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {each.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for each in node.names}
    assert seen == {name: f"pywats_archive.{home}" for name, home in pywats_archive._HOMES.items()}


def test_each_type_that_a_method_takes_or_returns_is_exported() -> None:
    """A program never has to know an inner module: types of arguments, results and their fields, and every error."""
    types = {each for owner in USED for hint in hints_of(owner) for each in types_in(hint)}
    fields = grown = types
    while grown:
        grown = {each for one in grown for hint in fields_of(one) for each in types_in(hint)} - fields
        fields = fields | grown
    names = {each.__name__ for each in fields if not each.__module__.startswith("pywats_archive.doctor.")}
    tree = {each.__name__ for each in vars(errors).values() if inspect.isclass(each)} & set(errors.__dict__)
    known = {name for name in tree if issubclass(getattr(errors, name), errors.ArchiveError)}
    assert (names - INNER | known) - set(pywats_archive.__all__) == set()
    assert {"EntryFilter", "Page", "ItemResult", "ReplayRequest", "UnitResult"} < names


@pytest.mark.parametrize(
    ("inner", "face"),
    [
        (pywats_archive.Client, AsyncClient),
        (StationRetention, AsyncRetention),
        (StationSettings, AsyncSettings),
        (StationVault, AsyncVault),
    ],
)
def test_the_awaitable_face_has_every_method(inner: type, face: type[Face[object]]) -> None:
    """AsyncClient can do what Client can, with the same arguments, and none of its methods is an ordinary one."""
    left_out = {"close", "reprocessing"}
    methods = {name for name, each in inspect.getmembers(inner, inspect.isfunction) if is_public(inner, name)}
    for name in methods - left_out:
        assert inspect.signature(getattr(face, name)) == inspect.signature(getattr(inner, name)), name
        call = inspect.getattr_static(face, name).__code__
        assert call.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR), name


def is_public(owner: type, name: str) -> bool:
    """Whether a program calls it on an object."""
    return not name.startswith("_") and not isinstance(inspect.getattr_static(owner, name), staticmethod | classmethod)


def hints_of(owner: type) -> Iterator[object]:
    """Yield the types of all arguments and results of the public methods and properties."""
    for name, each in inspect.getmembers(owner):
        called = each.fget if isinstance(each, property) else each
        if (is_public(owner, name) or name == "__init__") and callable(called):
            yield from typing.get_type_hints(called, localns=for_checkers(called.__module__)).values()


def for_checkers(module: str) -> dict[str, object]:
    """Import what a module imports for type checkers alone."""
    tree = ast.parse(Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8"))
    blocks = (node.body for node in tree.body if isinstance(node, ast.If))
    imports = (node for block in blocks for node in block if isinstance(node, ast.ImportFrom))
    found = ((node.module or "", each.name) for node in imports for each in node.names)
    return {name: getattr(importlib.import_module(home), name) for home, name in found}


def fields_of(kind: type) -> Iterator[object]:
    """Yield the types of the fields of a value."""
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        yield from typing.get_type_hints(kind).values()


def types_in(hint: object) -> Iterator[type]:
    """Yield this package's types in a type, such as ``Page`` and ``ArchiveEntry`` in ``Page[ArchiveEntry]``."""
    for each in (typing.get_origin(hint), *typing.get_args(hint)):
        for inner in each if isinstance(each, list) else (each,):
            if inner is not hint:
                yield from types_in(inner)
    if inspect.isclass(hint) and hint.__module__.startswith("pywats_archive."):
        yield hint
