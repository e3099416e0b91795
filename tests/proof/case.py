"""One manipulation, and what ``verify`` finds of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pywats_archive.models.operation.integrity import ProblemKind
from tests.proof.place import REFUSED, Place

K = ProblemKind
Kinds = tuple[ProblemKind, ...]
REFUSAL = frozenset({REFUSED})


@dataclass(frozen=True, kw_only=True)
class Case:
    """A manipulation."""

    row: str
    """What is done, as the page says it; several cases may share a row."""
    part: str = ""
    """What tells this case from others of the row, such as a column."""
    act: Callable[[Place], object]
    alone: frozenset[str]
    """The kinds of problems that ``verify`` finds without an anchor outside the archive."""
    anchored: frozenset[str]
    """Those that it finds with one."""
    remark: str = ""

    @property
    def name(self) -> str:
        """The name of the test."""
        return f"{self.row}: {self.part}".rstrip(": ").replace("`", "")


def case(
    row: str, act: Callable[[Place], object], *alone: ProblemKind, also: Kinds = (), part: str = "", remark: str = ""
) -> Case:
    """Return a case; with an anchor what is found without one is found too, and ``also`` these."""
    by_itself = frozenset(kind.value for kind in alone)
    anchored = by_itself | {kind.value for kind in also}
    return Case(row=row, part=part, act=act, alone=by_itself, anchored=anchored, remark=remark)


def refused(row: str, act: Callable[[Place], object], remark: str = "") -> Case:
    """Return a case in which no command opens the archive."""
    return Case(row=row, act=act, alone=REFUSAL, anchored=REFUSAL, remark=remark)
