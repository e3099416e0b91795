"""How large the code is, and how much hangs together: figures to compare before and after a change of the layout.

python tools/measures.py [FOLDER]      FOLDER holds the package, as ``src`` does
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

PACKAGE = "pywats_archive"
MOST_LINES, MOST_CLASS_LINES, MOST_FILES = 300, 200, 12
MAY_HAVE_MORE_FILES = ("cli", "catalog")
"""Folders with one file per verb, and one per table."""
LANES = ("Lane", "Line")
"""What one converter at work is called, now and earlier."""
_BUSY = ("pipeline", "archive", "host")
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Module:
    """One file."""

    name: str
    """Its path below the package."""
    text: str

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0] or "."

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def functions(self) -> Iterator[ast.FunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef))


def modules_in(package: Path) -> list[Module]:
    """Read every file of the package, but for migrations, which are never changed."""
    files = sorted(path for path in package.rglob("*.py") if "migrations" not in path.parts)
    return [Module(name=str(path.relative_to(package)), text=path.read_text(encoding="utf-8")) for path in files]


def lines_of(node: ast.ClassDef | ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def attributes_of(node: ast.ClassDef) -> int:
    """Count the fields of a class and what its methods assign to ``self``."""
    fields = {
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    assigned = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }
    return len(fields | assigned)


def takes_lane(function: ast.FunctionDef) -> bool:
    """Whether a parameter of a function is a whole lane, or several."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    annotations = (each.annotation for each in given if each.annotation)
    names = (node.id for each in annotations for node in ast.walk(each) if isinstance(node, ast.Name))
    return any(name in LANES for name in names)


def graph_of(root: Path) -> grimp.ImportGraph:
    """Read which module imports which; imports for types alone do not count."""
    sys.path.insert(0, str(root))
    return grimp.build_graph(PACKAGE, cache_dir=None, exclude_type_checking_imports=True)


def rooms_and_arrows(graph: grimp.ImportGraph, folder: str) -> str:
    """Count what lies directly in a folder, modules and folders, and the pairs of them of which one imports the other."""
    rooms = graph.find_children(f"{PACKAGE}.{folder}")
    room_of = {module: room for room in rooms for module in (room, *graph.find_descendants(room))}
    pairs = {
        (room_of[module], room_of[imported])
        for module in room_of
        for imported in graph.find_modules_directly_imported_by(module)
        if imported in room_of and room_of[imported] != room_of[module]
    }
    return f"{folder} {len(rooms)} and {len(pairs)}"


def longest_chain(graph: grimp.ImportGraph) -> list[str]:
    """Return the longest chain of imports between modules, the first importer first."""
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    chains: dict[str, list[str]] = {}
    for module in TopologicalSorter(imported).static_order():  # CycleError names a cycle
        below = sorted(chains[each] for each in imported[module])  # sorted: of equals always the same
        chains[module] = [module, *max(below, key=len, default=[])]
    return max(sorted(chains.values()), key=len)


def largest(found: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{name} {number}" for number, name in sorted(found, reverse=True)[:_SHOWN])


def main() -> None:
    """Print the figures of one state of the code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "src")
    root = parser.parse_args().folder.resolve()
    modules = modules_in(root / PACKAGE)
    plain = [module for module in modules if not module.name.endswith("__init__.py")]
    files = Counter(module.folder for module in plain)
    classes = [(module, node) for module in modules for node in module.classes()]
    graph = graph_of(root)
    chain = longest_chain(graph)
    crowded = {f: n for f, n in files.items() if n > MOST_FILES and f.partition("/")[0] not in MAY_HAVE_MORE_FILES}
    functions = [node for module in modules for node in module.functions()]
    with_lane = sum(map(takes_lane, functions))
    lane = next(node for _, node in classes if node.name in LANES)
    of_service = [(attributes_of(node), node.name) for module, node in classes if module.name.startswith("pipeline/")]
    figures = {
        "lines": sum(module.lines for module in modules),
        "files": len(plain),
        "folders": len(files),
        f"folders over {MOST_FILES} files": f"{len(crowded)}  {largest((n, f) for f, n in crowded.items())}",
        f"files over {MOST_LINES} lines": sum(module.lines > MOST_LINES for module in modules),
        "longest files": largest((module.lines, module.name) for module in modules),
        f"classes over {MOST_CLASS_LINES} lines": sum(lines_of(node) > MOST_CLASS_LINES for _, node in classes),
        "longest classes": largest((lines_of(node), node.name) for _, node in classes),
        "longest functions": largest((lines_of(node), node.name) for node in functions),
        f"attributes of {lane.name}": attributes_of(lane),
        "most attributes in the service": largest(of_service),
        f"functions that take a whole {lane.name}": f"{with_lane} of {len(functions)}",
        "rooms and imports between them": ", ".join(rooms_and_arrows(graph, folder) for folder in _BUSY),
        "longest chain of imports": f"{len(chain)}  " + " > ".join(each.partition(".")[2] for each in chain),
        "files per folder": ", ".join(f"{folder} {number}" for folder, number in sorted(files.items())),
    }
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}}  {figure}")


if __name__ == "__main__":
    main()
