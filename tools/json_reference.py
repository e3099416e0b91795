"""docs/reference/json.md from the code: the fields of each verb's document, with type, unit and meaning.

    python -m tools.json_reference            writes the page
    python -m tools.json_reference --check    exits with 1 if the page differs

A new verb gets a line in ``DOCUMENTS``; a new field gets a docstring below it in its dataclass.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pywats_archive.cli import (
    anchor,
    approve,
    audit,
    docs,
    doctor,
    events,
    failures,
    hold,
    list_,
    plan,
    policy,
    purge,
    qualify,
    rebuild,
    restore,
    service,
    status,
    verify,
    web_users,
)
from pywats_archive.cli import show as show_entry
from pywats_archive.cli.init import ending as init_ending
from pywats_archive.cli.plant import search as search_plant
from pywats_archive.cli.plant.replay import show as show_replays
from pywats_archive.cli.reprocess import diff, drawing, undo
from pywats_archive.cli.reprocess import show as show_run
from pywats_archive.demo.station import DemoResult
from pywats_archive.errors import ArchiveError
from pywats_archive.models.bag.outcome import Exported, ImportedBag
from pywats_archive.models.event import RecordedEvent
from pywats_archive.models.operation.importing import Imported, ImportPreview
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.operation.whereabouts import Whereabouts
from pywats_archive.models.plant.entry import PlantEntryDetails
from pywats_archive.models.plant.figures import PlantFigures
from pywats_archive.models.plant.replay import PlantReplay, PlantReplayResult
from pywats_archive.models.plant.station import PlantIndexed, PlantStations
from pywats_archive.models.retention.erasure import Erasure, ErasurePreview
from pywats_archive.models.vault.initialized import InitializedVault
from pywats_archive.models.vault.shipping import Pushed, RestoredArchive, VaultStatus, VerifiedVault
from pywats_archive.pipeline.idle import RunOutcome
from tools.json_types import Meaning, fields_of, parts_of, type_text, values_of, words

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "json.md"
GENERATED = "<!-- The rest of this page is made by 'make docs' from the code. -->\n"
DOCUMENTS: dict[str, type] = {
    "demo": DemoResult,
    "init": init_ending.SetUpStation,
    "run": RunOutcome,
    "status": status.StatusDocument,
    "status NAME": Whereabouts,
    "doctor": doctor.Diagnosis,
    "service install": service.InstalledService,
    "service start": service.ServiceDocument,
    "service stop": service.ServiceDocument,
    "service status": service.ServiceDocument,
    "service remove": service.ServiceDocument,
    "list": list_.EntryList,
    "search": list_.EntryList,
    "show": show_entry.ShownEntry,
    "show --report": show_entry.ShownReport,
    "restore": restore.RestoredSources,
    "export": Exported,
    "docs": docs.DocumentationList,
    "docs NAME": docs.DocumentationText,
    "stats": ArchiveStatistics,
    "plan": plan.PlannedSpace,
    "policy list": policy.PolicyList,
    "policy show": policy.PolicyEffects,
    "policy set": policy.PolicyEffects,
    "policy reset": policy.PolicyEffects,
    "purge": purge.Purged,
    "purge --preview": purge.PurgePreview,
    "purge --confirm-clock": purge.ConfirmedClocks,
    "erase": Erasure,
    "erase --preview": ErasurePreview,
    "web users add": web_users.UserOfPages,
    "web users list": web_users.UserList,
    "web users set": web_users.UserOfPages,
    "web users remove": web_users.UserOfPages,
    "web users token": web_users.NewToken,
    "web users revoke": web_users.UserOfPages,
    "import BAG": ImportedBag,
    "import": Imported,
    "import --preview": ImportPreview,
    "hold add": hold.HeldEntries,
    "hold release": hold.ReleasedEntries,
    "hold list": hold.HoldList,
    "approve": approve.ApprovalList,
    "reprocess start": drawing.RunResult,
    "reprocess resume": drawing.RunResult,
    "reprocess show": drawing.RunResult,
    "reprocess list": show_run.RunList,
    "reprocess diff": diff.RunChanges,
    "reprocess cancel": undo.CancelledRun,
    "reprocess rollback": undo.RolledBackRun,
    "events": events.EventList,
    "anchor": anchor.AnchorList,
    "audit": audit.AuditList,
    "verify": verify.Verified,
    "verify --reproduce": drawing.RunResult,
    "vault init": InitializedVault,
    "vault push": Pushed,
    "vault status": VaultStatus,
    "vault verify": VerifiedVault,
    "vault restore": RestoredArchive,
    "plant index": PlantIndexed,
    "plant search": search_plant.PlantEntryList,
    "plant show": PlantEntryDetails,
    "plant restore": restore.RestoredSources,
    "plant stats": PlantFigures,
    "plant stations": PlantStations,
    "plant replay start": PlantReplayResult,
    "plant replay resume": PlantReplayResult,
    "plant replay show": PlantReplayResult,
    "plant replay list": show_replays.PlantReplayList,
    "plant replay cancel": PlantReplay,
    "qualify": qualify.Qualified,
    "rebuild": rebuild.RebuiltCatalogs,
}
"""The document of each verb, and of its forms that have another one; in the order of the help."""
STREAMS: dict[str, type] = {"events --follow": RecordedEvent}
"""Verbs that write a document per line."""
WITHOUT = frozenset({"cat", "completion", "logs", "plant replay worker", "web"})
"""Verbs without a document: they pass on bytes or text, or serve until they are stopped."""


def page(text: str) -> str:
    """Return the page: its own beginning, then what the code says."""
    beginning = text.partition(GENERATED)[0]
    return beginning + GENERATED + "\n" + "\n".join(_generated()).rstrip() + "\n"


def _generated() -> Iterator[str]:
    tops = [*dict.fromkeys([*DOCUMENTS.values(), *STREAMS.values()])]
    top_most = {*tops, failures.FailureDocument}
    parts = sorted({*parts_of(top_most)} - top_most, key=lambda each: each.__name__)
    yield "## Documents\n"
    yield from _table(("command", "document"), ((f"`{verb}`", _link(top)) for verb, top in DOCUMENTS.items()))
    if STREAMS:
        yield from _table(("command", "each line"), ((f"`{verb}`", _link(top)) for verb, top in STREAMS.items()))
    yield "## Errors\n"
    yield from _fields(failures.FailureDocument, is_document=True)
    yield "### Kinds of errors\n"
    yield from _table(("kind", "exit code", "meaning"), _kinds())
    for top in tops:
        yield f"## {top.__name__}\n"
        yield from _about(top)
        yield from _fields(top, is_document=True)
    yield "## Parts of documents\n"
    for part in parts:
        if not issubclass(part, Enum):
            yield f"### {part.__name__}\n"
            yield from _about(part)
            yield from _fields(part)
    yield "## Words\n"
    for part in parts:
        if issubclass(part, Enum):
            yield f"### {part.__name__}\n"
            yield from _about(part)
            yield from _values(values_of(part))


def _about(part: type) -> Iterator[str]:
    yield f"{words(part.__doc__ or '')}\n"


def _fields(part: type, *, is_document: bool = False) -> Iterator[str]:
    rows = [("`schema`", "integer", "Version of the document: 1.")] if is_document else []
    rows += [(f"`{each.name}`", type_text(each, _link), each.text) for each in fields_of(part)]
    yield from _table(("field", "type", "meaning"), rows)


def _values(values: list[Meaning]) -> Iterator[str]:
    if any(each.text for each in values):
        yield from _table(("value", "meaning"), ((f"`{each.name}`", each.text) for each in values))
    else:
        yield f"One of {', '.join(f'`{each.name}`' for each in values)}.\n"


def _kinds() -> Iterator[tuple[str, ...]]:
    own = {each for each in _subclasses(ArchiveError) if each.__module__ == ArchiveError.__module__}
    for kind in sorted(own, key=lambda each: each.__name__):
        yield f"`{kind.__name__}`", str(kind.exit_code), words(kind.__doc__ or "")
    for name, (code, meaning) in failures.OTHER_KINDS.items():
        yield f"`{name}`", str(code), meaning


def _subclasses(kind: type[ArchiveError]) -> Iterator[type[ArchiveError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _subclasses(each)


def _link(part: type) -> str:
    return f"[{part.__name__}](#{part.__name__.lower()})"


def _table(columns: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def main() -> int:
    """Write the page, or with --check compare it."""
    text = PAGE.read_text(encoding="utf-8")
    wanted = page(text)
    if "--check" in sys.argv[1:]:
        return 0 if text == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
