"""The entries that ``reprocess start`` replays: by id, by filter, of another run, of a plan, or all; and a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pywats_archive.cli import options
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter
from pywats_archive.reprocessing import selection

if TYPE_CHECKING:
    from pywats_archive.client.plant.applying import FromPlan
    from pywats_archive.reprocessing.engine import ReprocessingEngine


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the options of ``reprocess start`` say about the entries."""

    named: Sequence[str]
    wanted: EntryFilter
    mode: ReplayMode
    is_all: bool
    entries_of: int | None
    from_plan: str | None
    sample: int | None
    seed: str | None
    oldest_first: bool

    def require_possible(self) -> None:
        """Raise UsageError unless the entries are chosen in exactly one way."""
        ways = {
            "ids": bool(self.named),
            "filters": self.wanted != EntryFilter() or self.mode is not ReplayMode.ALL,
            "--entries-of": self.entries_of is not None,
            "--from-plan": self.from_plan is not None,
            "--all": self.is_all,
        }
        used = [way for way, is_used in ways.items() if is_used]
        if not used:
            raise UsageError(
                "reprocess start: which entries? Use ids, filters such as --converter ICT or --from 2d, or --all"
            )
        if len(used) > 1:
            raise UsageError(f"reprocess start: use {' or '.join(used)}, not both")
        if self.mode is not ReplayMode.ALL and self.wanted.status is not None:
            raise UsageError("--status and --mode: use one of them; --mode also selects statuses")
        if self.seed is not None and self.sample is None:
            raise UsageError("--seed: only with --sample N")

    def resolved(
        self, client: Client, engine: ReprocessingEngine, plan: FromPlan | None
    ) -> tuple[list[str], dict[str, Any]]:
        """Return the ids of the entries, and the record of how they were chosen; UsageError if there are none."""
        if plan is not None:
            ids, chosen = list(plan.archive_ids), dict[str, Any](from_plan=self.from_plan)
        elif self.named:
            ids = options.chosen(client, self.named)
            chosen = selection.by_ids(ids)
        elif self.entries_of is not None:
            ids = [item.archive_id for item in engine.items(self.entries_of)]
            chosen = {"entries_of": self.entries_of}
        else:
            ordered = replace(options.known_converter(client, self.wanted), newest_first=not self.oldest_first)
            ids, chosen = engine.select(ordered, self.mode), selection.by_filter(ordered, self.mode)
        if not ids:
            raise UsageError("reprocess start: no entry matches")
        if self.sample is None:
            return ids, chosen
        drawn = selection.sample(ids, self.sample, seed=self.seed)
        return drawn, selection.sampled(chosen, self.sample, of=len(ids), seed=self.seed)
