"""The keys of replays in a vault."""

from __future__ import annotations

import re

FOLDER, PLAN = "replays", "/plan.json"
_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


def is_run(text: str) -> bool:
    """Whether a text has the form of a replay's name."""
    return bool(_RUN.fullmatch(text))


def plan_key(run: str) -> str:
    """Return the key of the plan; it is stored last, so a replay with a plan is complete."""
    return f"{FOLDER}/{run}{PLAN}"


def segments_key(run: str) -> str:
    """Return the key of the list of segments."""
    return f"{FOLDER}/{run}/segments.jsonl.gz"


def code_key(run: str, fingerprint: str) -> str:
    """Return the key of the converter's code."""
    return f"{FOLDER}/{run}/code/{fingerprint.partition(':')[2]}.tar.gz"


def cancelled_key(run: str) -> str:
    """Return the key that says that a replay was cancelled."""
    return f"{FOLDER}/{run}/cancelled.json"


def results_folder(run: str, archive_uuid: str | None = None) -> str:
    """Return the folder with the results of all archives, or of one."""
    return "/".join((FOLDER, run, "results", *filter(None, [archive_uuid])))


def result_key(run: str, segment: str) -> str:
    """Return the key of the result of a segment: its own path below the results."""
    return f"{results_folder(run)}/{segment.removesuffix('.zip')}.jsonl.gz"


def segment_of(run: str, key: str) -> str:
    """Return the segment whose result is at a key."""
    return key.removeprefix(f"{results_folder(run)}/").removesuffix(".jsonl.gz") + ".zip"
