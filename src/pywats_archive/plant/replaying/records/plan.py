"""The plan of a replay in the vault: written once, and read by whoever resumes or shows it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from pydantic import TypeAdapter

from pywats_archive.errors import KeyMissing, KeyTaken, UnknownRun, VaultError
from pywats_archive.models.plant.replay import PlannedSegment, PlantReplay, PlantReplayState
from pywats_archive.models.time import utc_now
from pywats_archive.plant.replaying.records import keys
from pywats_archive.vault.store import Vault

FORMAT = 1
_PROGRESS = ("done", "state", "vault")
_PLAN = TypeAdapter(PlantReplay)
_SEGMENT = TypeAdapter(tuple[str, int, tuple[str, ...], tuple[str, ...]])


def store(vault: Vault, plan: PlantReplay, segments: Sequence[PlannedSegment], code: bytes | None) -> None:
    """Store a plan: the code and the segments first, the plan last. KeyTaken if there is one under its name."""
    if code is not None:
        vault.put_new(keys.code_key(plan.run, plan.code.fingerprint), code)
    lines = (json.dumps([each.key, each.entries, each.others, each.rows]).encode() + b"\n" for each in segments)
    vault.put_new(keys.segments_key(plan.run), gzip.compress(b"".join(lines), mtime=0))
    values = {name: value for name, value in asdict(plan).items() if name not in _PROGRESS}
    text = json.dumps({"format": FORMAT, **values}, indent=1, default=datetime.isoformat)
    vault.put_new(keys.plan_key(plan.run), text.encode() + b"\n")


def load(vault: Vault, run: str) -> PlantReplay:
    """Return a plan with its progress; UnknownRun if there is none, VaultError if it is damaged."""
    try:
        if not keys.is_run(run):
            raise KeyMissing
        content = vault.get(keys.plan_key(run))
    except KeyMissing as exc:
        raise UnknownRun(f"{vault.url}: has no replay '{run}'; 'plant replay list' names those that it has") from exc
    plan = _parsed(vault, run, content)
    done = sum(1 for _ in vault.keys(keys.results_folder(run)))
    if done >= plan.segments:
        state = PlantReplayState.DONE
    elif is_cancelled(vault, run):
        state = PlantReplayState.CANCELLED
    else:
        state = PlantReplayState.STARTED
    return replace(plan, done=done, state=state)


def segments(vault: Vault, run: str) -> Iterator[PlannedSegment]:
    """Stream the segments of a plan; VaultError if the list is damaged."""
    shared = dict[str, str]()  # most segments have the same rows
    try:
        for line in gzip.decompress(vault.get(keys.segments_key(run))).splitlines():
            key, entries, others, rows = _SEGMENT.validate_json(line)
            yield PlannedSegment(
                key=key, entries=entries, others=others, rows=tuple(shared.setdefault(each, each) for each in rows)
            )
    except (ValueError, OSError, EOFError, zlib.error) as exc:
        raise VaultError(f"{vault.url}: {keys.segments_key(run)} is damaged ({exc})") from exc


def with_result(vault: Vault, run: str, archive_uuid: str | None = None) -> frozenset[str]:
    """Return the segments that have a result, of all archives or of one."""
    found = vault.keys(keys.results_folder(run, archive_uuid))
    return frozenset(keys.segment_of(run, each.key) for each in found)


def runs(vault: Vault) -> Iterator[str]:
    """Yield the names of all replays that have a plan."""
    every = (each.key for each in vault.keys(keys.FOLDER))
    found = (key.removeprefix(f"{keys.FOLDER}/").removesuffix(keys.PLAN) for key in every if key.endswith(keys.PLAN))
    return filter(keys.is_run, found)


def cancel(vault: Vault, run: str, *, actor: str) -> None:
    """Note that a replay is cancelled. Idempotent."""
    text = json.dumps({"at": utc_now().isoformat(), "actor": actor})
    try:
        vault.put_new(keys.cancelled_key(run), text.encode())
    except KeyTaken:
        return


def is_cancelled(vault: Vault, run: str) -> bool:
    """Whether a replay was cancelled."""
    return vault.size_of(keys.cancelled_key(run)) is not None


def _parsed(vault: Vault, run: str, content: bytes) -> PlantReplay:
    where = f"{vault.url}: {keys.plan_key(run)}"
    try:
        known = json.loads(content)
        if known["format"] != FORMAT:
            raise VaultError(f"{where}: has format {known['format']!r}; update pywats-archive")
        return _PLAN.validate_python({**known, "run": run, "vault": vault.url})
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise VaultError(f"{where}: is damaged") from exc
