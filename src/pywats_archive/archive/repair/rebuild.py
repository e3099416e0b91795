"""A new catalog from the newest sound copy and the blobs, or from the blobs alone; the old one is kept beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import decision_log
from pywats_archive.archive.copies.place import CopyPlace, in_archive, in_backup_folder
from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import carrying_out, unfinished
from pywats_archive.archive.folder import catalog_swap, layout, locks
from pywats_archive.archive.folder.description import Description, describe
from pywats_archive.archive.folder.ownership import owning
from pywats_archive.archive.repair.base import Base, unpack_newest
from pywats_archive.archive.repair.decided import Decided, decided
from pywats_archive.archive.repair.filling import Counts, Filling
from pywats_archive.archive.repair.updating import Updating
from pywats_archive.archive.results import runs
from pywats_archive.catalog import events, previous, purges, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.former_clock import former_clock
from pywats_archive.errors import CatalogDamaged
from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import OnlyThere, OnProgress, Problem, Rebuilt
from pywats_archive.models.report import FOLLOWED
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now

if TYPE_CHECKING:
    from filelock import FileLock


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilding:
    """How a catalog is to be rebuilt."""

    actor: str = "service"
    on_progress: OnProgress | None = None
    on_step: OnStep = no_step
    clock: Clock = utc_now
    backup_folder: Path | None = None
    """Where to look for copies of the catalog, beside those in the archive."""
    keys: Path | None = None
    """The folder with the keys of encrypted archives."""


def rebuild(root: Path, how: Rebuilding | None = None) -> Rebuilt:
    """Rebuild the catalog of the archive at ``root``; durable once this returns, safe to repeat.

    It begins with the newest sound copy, if there is one, and gets from the blobs what is younger; else everything comes from
    the blobs. The old catalog is kept beside it under a name of its own. After a crash, either the old or the new one is in
    place. ArchiveInUse if a process owns the archive, purges or replays. Damaged blobs and copies are reported and do not stop
    the rebuild.
    """
    root, how = root.absolute(), how or Rebuilding()
    description = describe(root)
    with owning(root) as lock, locks.nobody_purging(root), locks.nobody_replaying(root), locks.only_import(root):
        catalog_swap.tidy(root)
        catalog_swap.finish(root)
        catalog_swap.require_movable(root)
        kept = previous.keeping(root / layout.CATALOG)
        unsound: list[Problem] = []
        try:
            base = unpack_newest(
                _places(root, description, how), description.archive_uuid, root, unsound, now=how.clock()
            )
            only_there = _only_there(root, kept, base)
            archive = Archive(
                root,
                description,
                lock,
                on_step=how.on_step,
                clock=how.clock,
                catalog=catalog_swap.BUILDING,
                keys=how.keys,
            )
            try:
                with decided(root) as before:
                    filled = _fill(archive, how, before, base)
                filled = replace(filled, problems=(*unsound, *filled.problems), not_copied=only_there)
                archive.write(lambda tx: events.append(tx, _event(archive, how, filled)))
                _carry_over(archive, kept, actor=how.actor)
                if base is None:
                    archive.clock.continue_from(former_clock(root / layout.CATALOG))
            finally:
                archive.catalog.close()
            kept_as = catalog_swap.replace(root, moment=how.clock(), on_step=how.on_step)
            _finish_erasures(root, description, lock, how)
            decision_log.forget_purges(archive)  # their blobs are gone
        except BaseException:
            catalog_swap.tidy(root)
            raise
    return replace(filled, kept_as=kept_as)


def _finish_erasures(root: Path, description: Description, lock: FileLock, how: Rebuilding) -> None:
    """Erase again what the copy still had."""
    archive = Archive(root, description, lock, on_step=how.on_step, clock=how.clock)
    try:
        if carrying_out.is_unfinished(archive):
            carrying_out.note_backup_folder(archive, how.backup_folder)
            unfinished.finish_alone(archive)
    finally:
        archive.catalog.close()


def _places(root: Path, description: Description, how: Rebuilding) -> Iterator[CopyPlace]:
    yield in_archive(root)
    if how.backup_folder:
        yield in_backup_folder(how.backup_folder, description.archive_uuid)


def _only_there(root: Path, kept: previous.Keeping | None, base: Base | None) -> tuple[OnlyThere, ...]:
    """Return what only the replaced catalog knows: of a catalog with a copy, what it knows beyond that."""
    known = previous.known_to_it_alone(root / layout.CATALOG)
    if base:
        copied = previous.known_to_it_alone(root / catalog_swap.BUILDING)
        beyond = {what: number - (copied[what] or 0) for what, number in known.items() if number is not None}
        found = tuple(OnlyThere(what=what, number=number) for what, number in beyond.items() if number > 0)
        return found if kept else (*found, OnlyThere(what="holds and policies set since the copy", number=None))
    found = tuple(OnlyThere(what=what, number=number) for what, number in known.items() if number != 0)
    return found if kept else (*found, OnlyThere(what="holds and retention policies", number=None))


def _fill(archive: Archive, how: Rebuilding, before: Decided, base: Base | None) -> Rebuilt:
    filling = Filling(archive, before, how.on_progress)
    if base is None:
        counts = filling.fill()
        return _rebuilt(archive, filling, counts)
    updating = Updating(archive, before)
    with archive.read() as db:
        newest = reports.newest_number(db)
    counts = filling.fill_up(updating.update)
    archive.write(lambda tx: reports.withhold_followed(tx, by_those_after=newest, reason=FOLLOWED))
    runs.cancel_all(archive, actor=how.actor)  # what they sent since the copy is not known
    return replace(
        _rebuilt(archive, filling, counts),
        entries=counts.entries + base.state.entries,
        reports=counts.reports + updating.reports,
        companions=counts.companions + updating.companions,
        purged=counts.purged + updating.purged,
        copy=str(base.path),
        copied_at=base.copy.at,
        last_event=base.state.last_sequence,
        younger=counts.entries,
        completed=updating.completed,
        purged_since=updating.purged,
    )


def _rebuilt(archive: Archive, filling: Filling, counts: Counts) -> Rebuilt:
    problems = tuple(filling.problems)
    return Rebuilt(archive=str(archive.root), problems=problems, kept_as=None, not_copied=(), **asdict(counts))


def _event(archive: Archive, how: Rebuilding, filled: Rebuilt) -> Event:
    counts = {name: getattr(filled, name) for name in Counts.__slots__}
    details = {
        **counts,
        "problems": len(filled.problems),
        "not_copied": [asdict(each) for each in filled.not_copied],
    }
    if filled.copied_at:
        details |= {
            "copy": Path(filled.copy or "").name,
            "copied_at": filled.copied_at.isoformat(),
            "last_event": filled.last_event,
            "younger": filled.younger,
            "completed": filled.completed,
            "purged_since": filled.purged_since,
        }
    return Event(kind="catalog.rebuilt", at=archive.now(), actor=how.actor, details=details)


def _carry_over(archive: Archive, kept: previous.Keeping | None, *, actor: str) -> None:
    """Copy policies and holds; if they cannot be read, nothing is purged until a person switches the policies on."""
    own = tuple(policy for policy in archive.policies.all_own() if policy.converter_name != EVERY_OTHER)
    every_other = archive.policies.own(EVERY_OTHER) or RetentionPolicy(converter_name=EVERY_OTHER)
    unknown = (replace(policy, enabled=False) for policy in (*own, every_other))
    named = {policy.converter_name for policy in (kept.policies if kept else own)}
    for policy in own:
        if policy.converter_name not in named:
            archive.policies.reset(policy.converter_name, actor=actor, is_former=True)
    for policy in kept.policies if kept else unknown:
        if archive.policies.own(policy.converter_name) != policy:
            archive.policies.carry_over(policy, actor=actor)

    def unit(tx: Connection) -> None:
        known = {hold.archive_id for hold in purges.holds(tx)}
        for hold in kept.holds if kept else ():
            if hold.archive_id in known:
                continue
            if purges.set_hold(tx, hold.archive_id, reason=hold.hold_reason, by=hold.held_by, now=hold.held_at):
                details = {"reason": hold.hold_reason, "held_by": hold.held_by}
                event = Event(
                    kind="hold.taken_over", at=archive.now(), archive_id=hold.archive_id, actor=actor, details=details
                )
                events.append(tx, event)

    archive.write(unit)


def repair(root: Path, how: Rebuilding | None = None) -> Rebuilt | None:
    """Rebuild the catalog if it is missing or damaged, reading it whole to find out; None if it is sound."""
    if not (root / layout.DESCRIPTION).exists() or damage(root) is None:
        return None
    return rebuild(root, how)


def damage(root: Path) -> str | None:
    """Return what is wrong with the catalog of the archive at ``root``, reading it whole; None if it is sound."""
    try:
        with Archive.open(root) as archive:
            return next(iter(archive.catalog.faults(thorough=False)), None)
    except CatalogDamaged as exc:
        return str(exc)
