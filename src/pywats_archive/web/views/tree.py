"""JSON and XML as a tree that a person folds and unfolds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from pywats_archive.web.views.words import visible

LARGEST = 1_000_000
"""Of the sources that are shown as a tree, in bytes."""
_NODES, _DEEPEST, _OPEN = 3000, 40, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One value, or a group of them."""

    name: str
    value: str = ""
    children: tuple[Node, ...] = ()
    more: int = 0
    """Members that are not shown."""
    is_open: bool = False


@dataclass(kw_only=True, slots=True)
class _Budget:
    """How many nodes may still be made."""

    left: int = field(default=_NODES)

    def take(self, wanted: int) -> int:
        taken = min(wanted, self.left)
        self.left -= taken
        return taken


def tree(text: str) -> Node | None:
    """Return the tree of a whole JSON or XML document; None if the text is neither, or one that defines entities."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        return _xml(start)
    if not start.startswith(("{", "[")):
        return None
    try:
        return _of_json("", json.loads(start), 0, _Budget())
    except (ValueError, RecursionError):
        return None


def _of_json(name: str, value: Any, depth: int, budget: _Budget) -> Node:
    if isinstance(value, dict):
        members: list[tuple[str, Any]] = list(value.items())
        summary = "{}" if not members else ""
    elif isinstance(value, list):
        members = [(f"[{number}]", each) for number, each in enumerate(value)]
        summary = "[]" if not members else f"[{len(members):,}]"
    else:
        return Node(name=visible(name, most=100), value=visible(json.dumps(value, ensure_ascii=False)))
    shown = budget.take(len(members)) if depth < _DEEPEST else 0
    children = tuple(_of_json(key, each, depth + 1, budget) for key, each in members[:shown])
    return Node(
        name=visible(name, most=100),
        value=summary,
        children=children,
        more=len(members) - shown,
        is_open=depth < _OPEN,
    )


def _xml(text: str) -> Node | None:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return _of_element(ElementTree.fromstring(text), 0, _Budget())  # noqa: S314 (nothing defines entities)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None


def _of_element(element: ElementTree.Element, depth: int, budget: _Budget) -> Node:
    attributes = " ".join(f'{_local(name)}="{value}"' for name, value in element.attrib.items())
    words = " ".join(part for part in (attributes, (element.text or "").strip()) if part)
    shown = budget.take(len(element)) if depth < _DEEPEST else 0
    return Node(
        name=visible(_local(str(element.tag)), most=100),
        value=visible(words),
        children=tuple(_of_element(each, depth + 1, budget) for each in element[:shown]),
        more=len(element) - shown,
        is_open=depth < _OPEN,
    )


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]
