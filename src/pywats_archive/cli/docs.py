"""``docs``: the pages of the documentation, without a network."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

import pywats_archive
from pywats_archive.cli import options
from pywats_archive.cli.output import console, facts, print_json, values_of
from pywats_archive.errors import UsageError

_PACKAGE = Path(pywats_archive.__file__).parent
_INSTALLED, _PROJECT = _PACKAGE / "documentation", _PACKAGE.parents[1]
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PROJECT
"""Holds README.md, CHANGELOG.md and docs: in an installed package its own folder, else the project's."""


@dataclass(frozen=True, kw_only=True)
class DocumentationPage:
    """One page: its name is its path below ``docs``, without the suffix."""

    name: str
    """Its path below ``docs``, without the suffix."""
    title: str
    """Its title."""
    path: Path
    """Its file."""


@dataclass(frozen=True, kw_only=True)
class DocumentationList:
    """The pages of the documentation."""

    pages: tuple[DocumentationPage, ...]
    """All pages."""


@dataclass(frozen=True, kw_only=True)
class DocumentationText(DocumentationPage):
    """One page with its text."""

    text: str
    """The page in Markdown."""


def docs(
    name: Annotated[str | None, typer.Argument(help="A page of the list, such as howto/station or station.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """List or print pages of the documentation."""
    if name:
        page = _page(name)
        text = page.path.read_text(encoding="utf-8")
        if as_json:
            print_json(DocumentationText(**values_of(page), text=text))
        else:
            _show(text)
    elif as_json:
        print_json(DocumentationList(pages=tuple(pages())))
    else:
        console.print(facts((page.name, page.title) for page in pages()))
        console.print(f"\n'pywats-archive docs NAME' prints a page. They are in {FOLDER}", soft_wrap=True)


def pages() -> list[DocumentationPage]:
    """Return every page: first the project's own, then those below docs."""
    below = FOLDER / "docs"
    own = [FOLDER / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    found = sorted(path for path in below.rglob("*.md") if path.parent != below or path.name != "README.md")
    return [_read(path, FOLDER) for path in own] + [_read(path, below) for path in found]


def _read(path: Path, folder: Path) -> DocumentationPage:
    with path.open(encoding="utf-8") as file:
        title = file.readline().lstrip("# ").strip()
    return DocumentationPage(name=path.relative_to(folder).with_suffix("").as_posix(), title=title, path=path)


def _page(name: str) -> DocumentationPage:
    """Find a page by its name, the last part of its name, or its path as links have it."""
    wanted = "/" + name.replace("\\", "/").removesuffix(".md").lstrip("./").removeprefix("docs/").lower()
    found = [page for page in pages() if f"/{page.name}".lower().endswith(wanted)]
    if len(found) != 1:
        fault = "several pages have this name" if found else "no page has this name"
        raise UsageError(f"docs {name}: {fault}; 'pywats-archive docs' lists all pages")
    return found[0]


def _show(text: str) -> None:
    """Write a page as it is to a file or pipe, laid out and page by page to a terminal."""
    if not console.is_terminal:
        sys.stdout.write(text)
        return
    from rich.markdown import Markdown  # noqa: PLC0415 (takes longer to import than the verb)

    with console.pager():
        console.print(Markdown(text, hyperlinks=False))
