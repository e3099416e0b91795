"""All cases, as the page has them: in sections, each with the check that finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from pywats_archive.models.operation.integrity import Thoroughness
from tests.proof import files, history, others, rows
from tests.proof.case import Case

CHAIN, WHOLE = Thoroughness(chain=True), Thoroughness()


@dataclass(frozen=True, kw_only=True)
class Section:
    """Cases that the same check finds."""

    title: str
    command: str
    how: Thoroughness
    lists: tuple[Callable[[], Iterator[Case]], ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """Its cases, in the order of the page."""
        return tuple(chain.from_iterable(each() for each in self.lists))


SECTIONS = (
    Section(
        title="Rows of the catalog",
        command="verify --chain",
        how=CHAIN,
        lists=(rows.hidden, rows.each_value, rows.each_table, rows.sums_and_words, rows.schema),
    ),
    Section(
        title="The history",
        command="verify --chain",
        how=CHAIN,
        lists=(history.broken, history.cut, rows.recomputed, history.older, history.appended),
    ),
    Section(title="Archived files", command="verify", how=WHOLE, lists=(files.damaged, files.exchanged)),
    Section(title="Anchors, keys and other files", command="verify", how=WHOLE, lists=(others.anchors, others.files)),
)
