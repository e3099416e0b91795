"""The tables of docs/proof.md from the tests: each manipulation of an archive, and what finds it.

python -m tools.proof_table    writes the page
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.proof.case import Case
from tests.proof.place import REFUSED
from tests.proof.sections import SECTIONS, Section

PAGE = Path(__file__).parents[1] / "docs" / "proof.md"
GENERATED = "<!-- The rest of this page is made by 'make docs' from the tests. -->\n"
_NOT_FOUND = "**not found**"


def page(text: str) -> str:
    """Return the page: its own beginning, then the tables."""
    return text.partition(GENERATED)[0] + GENERATED + "\n" + "\n".join(map(_section, SECTIONS)) + _remarks()


def _section(section: Section) -> str:
    head = f"## {section.title}\n\nFound by `pywats-archive {section.command}`.\n\n"
    lines = ["| manipulation | without an anchor outside | with one |", "|---|---|---|", *_rows(section.cases)]
    return head + "\n".join(lines) + "\n"


def _rows(cases: tuple[Case, ...]) -> Iterator[str]:
    """Yield the lines of a table; cases of a row that end alike share one."""
    grouped: dict[tuple[str, frozenset[str], frozenset[str], str], list[str]] = {}
    for each in cases:
        grouped.setdefault((each.row, each.alone, each.anchored, each.remark), []).append(each.part)
    for (row, alone, anchored, remark), parts in grouped.items():
        of = f": {', '.join(parts)}" if parts[0] else ""
        note = f" [{_remark_numbers()[remark]}]" if remark else ""
        yield f"| {row}{of}{note} | {_found(alone)} | {_found(anchored)} |"


def _found(kinds: frozenset[str]) -> str:
    if REFUSED in kinds:
        return "no command opens the archive"
    return ", ".join(f"`{kind}`" for kind in sorted(kinds)) or _NOT_FOUND


def _remark_numbers() -> dict[str, int]:
    remarks = dict.fromkeys(each.remark for section in SECTIONS for each in section.cases if each.remark)
    return {remark: number for number, remark in enumerate(remarks, start=1)}


def _remarks() -> str:
    return "\n## Remarks\n\n" + "".join(f"{number}. {remark}.\n" for remark, number in _remark_numbers().items())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
