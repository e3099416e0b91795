"""The effects of a replay: how it compares with the current conversion, and what its reports would do on the server. Pure.

The pairing alone decides which reports are compared, and which one replaces which (invariant 14).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from pywats_archive.archive.results.document import fields_of
from pywats_archive.models.conversion import Conversion, ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.operation.replay import (
    Change,
    ChangeKind,
    CodeChange,
    Comparison,
    Effect,
    ItemResult,
    ItemState,
    ReplayRequest,
)
from pywats_archive.models.operation.replayed import Replayed
from pywats_archive.models.pairing import Link, Pair, Pairing
from pywats_archive.models.report import Report, ReportSummary, id_key, is_same_verdict, word_of
from pywats_archive.reprocessing.compare import Difference, Ran, difference

_MOST_ERRORS, _NAMED = 100, 5
_SAME_UNIT = ("serial_number", "part_number", "process", "start_time")
"""WATS overwrites a report of the same serial number, part number, test operation and start time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """An existing report: its row, its bytes, and when the conversion that made it ran."""

    report: Report
    body: bytes | None
    """None where it was not kept (``archive_output_reports`` is off)."""
    ran: Ran


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What an entry shows now, and which of its reports the server has."""

    entry: ArchiveEntry
    conversion: Conversion | None
    documents: Mapping[str, Document]
    """The conversion's reports, by id."""
    at_server: Mapping[str, Document]
    """By id: what the server accepted last."""
    waiting: Set[str] = frozenset()
    """Ids under which a report is still to be sent: the server will not keep what it has."""
    taken_over: Set[str] = frozenset()
    """Ids that a later entry of the same file has taken over."""
    imported: Set[str] | None = None
    """Ids under which the server may have reports of an imported entry; None for any other entry."""
    maybe_there: Mapping[str, Sequence[Report]] = field(default_factory=dict)
    """By id: the reports that the server may have, where it is not known which."""


def evaluate(
    shown: Shown,
    replayed: Replayed,
    request: ReplayRequest,
    *,
    pairing: Pairing,
    summaries: Sequence[ReportSummary],
) -> ItemResult:
    """Return the outcome of an entry's replay; it is skipped if it needs a person's consent."""
    archive_id, result = shown.entry.archive_id, replayed.result
    if result.status is ConversionStatus.SUSPENDED:  # it would not be tried again, and no purge could remove it
        return skipped(archive_id, f"it would be suspended: {result.error or 'no reason given'}")
    ran = Ran.of(result.started_at, result.duration_ms)
    new = [_New(*each, ran) for each in zip(pairing.pairs, result.documents, summaries, strict=True)]
    found = [_difference(before, each) for each in new if (before := _before(shown, each.pair))]
    old, turned = _verdicts(shown, new)
    item = ItemResult(
        archive_id=archive_id,
        state=ItemState.DONE,
        status=result.status.value,
        error=result.error,
        comparison=_comparison(shown, result, found),
        changes=tuple(change for each in found for change in each.lasting),
        volatile=tuple(change for each in found for change in each.volatile),
        effects=tuple(_effect(shown, each, request, replayed.source_ids) for each in new),
        no_successor=tuple(each.report_id for each in pairing.no_successor) if new else (),
        serial_number=shown.entry.serial_number or (summaries[0].serial_number if summaries else None),
        old_verdict=old,
        new_verdict=turned,
        duration_ms=result.duration_ms,
        code=_code(shown, replayed),
    )
    if why := _why_withheld(item, pairing, request) or _why_maybe_there(shown, new, request, replayed.source_ids):
        withheld = skipped(archive_id, why)
        return replace(withheld, serial_number=item.serial_number, old_verdict=old, new_verdict=turned, code=item.code)
    return item


def _why_withheld(item: ItemResult, pairing: Pairing, request: ReplayRequest) -> str | None:
    """Return the consent that a replay needs, if any; a dry run only reports it."""
    if request.dry_run:
        return None
    if pairing.ambiguity and not request.new_id:
        return f"{pairing.ambiguity}; --new-id sends them as new ones"
    if item.turns_verdict and request.submit_to_server and not request.allow_verdict_change:
        old, new = (word_of(each) for each in (item.old_verdict, item.new_verdict))
        return f"its result would turn from {old} to {new}; --allow-verdict-change REASON sends it"
    return None


def _why_maybe_there(shown: Shown, new: Sequence[_New], request: ReplayRequest, source_ids: Set[str]) -> str | None:
    """Return why an imported entry is not sent without consent: the server may have its test under an unknown id.

    Many converters make a new id each time; only an id that the source contains is that of the former report.
    """
    if request.dry_run or request.new_id or not request.submit_to_server:
        return None
    unknown = [each for each in new if _is_id_unknown(shown, each, source_ids)]
    if not unknown:
        return None
    why = "it was imported without this report, which the server may have under another id; --new-id sends it as a new one"
    has_own = any(each.summary.own_id for each in unknown)
    hint = "; if its converter always gives it the same id, replay it once without --submit first"
    return why + hint * has_own


def _is_id_unknown(shown: Shown, new: _New, source_ids: Set[str]) -> bool:
    """Whether a report of an imported entry may be on the server under an id that is not known here.

    An id that two replays gave is made from the source, so the former conversion gave it too.
    """
    if shown.imported is None:
        return False
    own_id, its_id = new.summary.own_id, new.pair.report_id
    is_given_again = bool(own_id and its_id) and id_key(own_id or "") == id_key(its_id or "")
    return not (own_id in source_ids or is_given_again or its_id in {*shown.imported, *shown.at_server, *shown.waiting})


def skipped(archive_id: str, why: str) -> ItemResult:
    """Return the outcome of an entry that is not replayed."""
    return ItemResult(archive_id=archive_id, state=ItemState.SKIPPED, skipped_because=why)


def withheld(result: ItemResult) -> frozenset[int]:
    """Return the ordinals of the reports that the server has already, and that need not be sent."""
    return frozenset(n for n, effect in enumerate(result.effects, 1) if effect is Effect.UNCHANGED)


@dataclass(frozen=True, slots=True)
class _New:
    """A new report, and what it continues."""

    pair: Pair
    body: bytes
    summary: ReportSummary
    ran: Ran


def _code(shown: Shown, replayed: Replayed) -> CodeChange:
    before = shown.conversion
    return CodeChange(
        converter_name=shown.entry.converter_name,
        old_version=before.converter_version if before else None,
        old_fingerprint=before.code_fingerprint if before else "",
        new_version=replayed.converter.version or None,
        new_fingerprint=replayed.converter.fingerprint,
    )


def _before(shown: Shown, pair: Pair) -> Document | None:
    """Return the report of the conversion shown that a new one continues."""
    return shown.documents.get(pair.report_id) if pair.report_id else None


def _difference(before: Document, after: _New) -> Difference:
    if before.body is None or before.body == after.body:
        return Difference()
    its_id, own_id = before.report.report_id, after.summary.own_id
    if own_id and _differs_by_id_alone(before.body, after.body, its_id, own_id):
        change = Change(path="/id", kind=ChangeKind.CHANGED, old=its_id, new=own_id)
        return Difference(volatile=(change,))
    return difference(fields_of(before.body), fields_of(after.body), old_ran=before.ran, new_ran=after.ran)


def _differs_by_id_alone(before: bytes, after: bytes, old_id: str, new_id: str) -> bool:
    """Return whether two documents differ only by their id, by their bytes; False proves nothing."""
    return before == after.replace(new_id.encode(), old_id.encode())


def _comparison(shown: Shown, result: ConversionResult, found: Sequence[Difference]) -> Comparison:
    if shown.conversion is None or any(each.body is None for each in shown.documents.values()):
        return Comparison.NOTHING_BEFORE
    succeeded, succeeds = (status is ConversionStatus.SUCCESS for status in (shown.conversion.status, result.status))
    if succeeded != succeeds:
        return Comparison.NEWLY_SUCCEEDING if succeeds else Comparison.NEWLY_FAILING
    if not succeeds:
        return Comparison.STILL_FAILING
    is_same = len(shown.documents) == len(result.documents) == len(found) and not any(each.lasting for each in found)
    return Comparison.SAME if is_same else Comparison.CHANGED


def _effect(shown: Shown, new: _New, request: ReplayRequest, source_ids: Set[str]) -> Effect:
    its_id = new.pair.report_id
    if new.pair.link is Link.AMBIGUOUS:
        return Effect.SECOND if request.new_id else Effect.AMBIGUOUS
    if its_id in shown.taken_over and not request.new_id:
        return Effect.TAKEN_OVER
    if not request.new_id and _is_id_unknown(shown, new, source_ids):
        return Effect.UNKNOWN
    there = shown.at_server.get(its_id) if its_id else None
    maybe = shown.maybe_there.get(its_id, ()) if its_id else ()
    latest = there.report if there else next(reversed(maybe), None)
    if latest is None:
        return Effect.NEW if request.new_id or shown.imported is None else Effect.REPLACES
    if request.new_id:
        is_same_unit = all(getattr(new.summary, name) == getattr(latest, name) for name in _SAME_UNIT)
        return Effect.REPLACES if is_same_unit else Effect.SECOND
    is_known = there is not None and there.body is not None and its_id not in shown.waiting
    return Effect.UNCHANGED if there and is_known and not _difference(there, new).lasting else Effect.REPLACES


def _verdicts(shown: Shown, new: Sequence[_New]) -> tuple[str | None, str | None]:
    """Return old and new verdict of the first report whose verdict changes, else of the first.

    The old one is that of the report on the server, else of any that it may have, else of the one shown.
    """
    pairs = [(old, each.summary.result) for each in new for old in _old_results(shown, each.pair.report_id or "")]
    turning = (pair for pair in pairs if None not in pair and not is_same_verdict(*pair))
    first = next((each.report.result for each in shown.documents.values()), None)
    return next(turning, pairs[0] if pairs else (first, None))


def _old_results(shown: Shown, report_id: str) -> Sequence[str | None]:
    if there := shown.at_server.get(report_id):
        return (there.report.result,)
    if maybe := shown.maybe_there.get(report_id):
        return [each.result for each in maybe]
    before = shown.documents.get(report_id)
    return (before.report.result if before else None,)
