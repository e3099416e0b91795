"""What the pages for maintainers say of the code: every file and every name that they send a reader to is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "pywats_archive"
DESIGN = sorted([DOCS / "architecture.md", *DOCS.glob("design/*.md")])
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
_FILE = re.compile(r"`([\w/]+\.py)`")
_NAME_IN_FILE = re.compile(r"`([\w.]+)`\s+in\s+`([\w/]+\.py)`")
_FOLDER = re.compile(r"`((?:pipeline|archive|catalog|host|conversion|tests)/[\w/]+)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def names_in(file: Path) -> set[str]:
    """Name what a module defines: functions, classes and constants, and methods with and without their class."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [each.name for each in node.body if isinstance(each, ast.FunctionDef)]
            names |= {*methods, *(f"{node.name}.{method}" for method in methods)}
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {each.id for each in targets if isinstance(each, ast.Name)}
    return names


def is_there(path: str) -> bool:
    """Whether a path of the package, of its pipeline, or of the project is a folder or a module."""
    places = [root / path for root in (PACKAGE, PACKAGE / "pipeline", ROOT)]
    return any(place.exists() or place.with_suffix(".py").is_file() for place in places)


@pytest.mark.parametrize("page", DESIGN, ids=name_of)
def test_each_file_and_name_is_there(page: Path) -> None:
    """A page names no module that was moved, and no function or class that was renamed."""
    text = page.read_text(encoding="utf-8")
    paths = [*_FILE.findall(text), *_FOLDER.findall(text)]
    named = [(name, path) for name, path in _NAME_IN_FILE.findall(text) if (PACKAGE / path).is_file()]
    missing = [path for path in paths if not is_there(path)]
    missing += [f"{name} in {path}" for name, path in named if name not in names_in(PACKAGE / path)]
    assert missing == []


def test_each_room_of_the_drawing_is_there() -> None:
    """The drawing of a file's way names folders and modules that exist."""
    drawing = (DOCS / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    rooms = re.findall(r"\b(?:pipeline|processing|postprocess|conversion|archive|host)/\w+", drawing)
    assert len(rooms) > 15
    assert [each for each in rooms if not is_there(each)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_link_leads_somewhere(page: Path) -> None:
    """A link between pages leads to a page."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [each for each in links if not (page.parent / each).exists()] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    """A link to a part of a page leads to a heading that is there."""
    links = re.findall(r"\]\(([^)#:\s]*)#([\w-]+)\)", page.read_text(encoding="utf-8"))
    targets = [((page.parent / path) if path else page, anchor) for path, anchor in links]
    assert [f"{target.name}#{anchor}" for target, anchor in targets if anchor not in anchors(target)] == []


def test_the_index_has_every_page() -> None:
    """Every page of the documentation is in the index."""
    index = {(DOCS / each).resolve() for each in LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    assert {page for page in DOCS.rglob("*.md") if page.name != "README.md"} - index == set()


def test_the_overview_fits_on_two_screens() -> None:
    """The overview stays one: what needs more room has a page of its own."""
    assert len((DOCS / "architecture.md").read_text(encoding="utf-8").splitlines()) <= 120
