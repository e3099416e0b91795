"""Requests for a second person's approval, as the person who approves reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pywats_archive.models.retention.compliance import Act, Approval
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.words.purges import limits
from pywats_archive.words.text import counted

_ACTS = {
    Act.RELEASE: "release a hold",
    Act.REPLAY: "send the reports of a replay",
    Act.ROLL_BACK: "roll back a run",
    Act.PURGE: "purge more than a fifth",
    Act.CLOCK: "confirm the clock",
}
_SHOWN = 10
"""How many entries are named."""


def act(approval: Approval) -> str:
    """Return the requested act."""
    return _ACTS[approval.act]


def subject(approval: Approval) -> str:
    """Return the target of the act, and its options."""
    return described(approval.act, approval.subject)


def described(act: Act, subject: Any) -> str:
    """Return the subject of a request; a subject in the form of another version is returned as JSON."""
    try:
        return "; ".join(_SUBJECTS[act](subject))
    except (AttributeError, KeyError, TypeError, ValueError):
        return json.dumps(subject, ensure_ascii=False)


def _release(subject: Mapping[str, Any]) -> Iterator[str]:
    entries = subject["entries"]
    more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    yield f"{counted(len(entries), 'entry', 'entries')}: {', '.join(entries[:_SHOWN])}{more}"


def _replay(subject: Mapping[str, Any]) -> Iterator[str]:
    number, how = subject["entries"], subject["request"]
    first = "" if number == 1 else "the first is "
    yield f"{counted(number, 'entry', 'entries')}: {first}{subject['first_entry']}"
    if not how["use_current_converter"]:
        yield "the original converter" + (f", or version {how['allow_version']}" if how["allow_version"] else "")
    if not how["use_current_parameters"]:
        yield "the original parameters"
    if how["new_id"]:
        yield "new ids, so that the reports on the server stay"
    if how["allow_verdict_change"]:
        yield f"changed verdicts too: {how['allow_verdict_change']}"
    if how["allow_unit_change"]:
        yield f"changed serial numbers too: {how['allow_unit_change']}"
    yield f"reason: {how['reason']}"


def _roll_back(subject: Mapping[str, Any]) -> Iterator[str]:
    yield f"run {subject['run_id']}"


def _purge(subject: Mapping[str, Any]) -> Iterator[str]:
    policy = RetentionPolicy(converter_name=subject["converter_name"], **subject["policy"])
    yield f"policy of {policy.converter_name}: {limits(policy)}"
    if policy.purge_unsubmitted:
        yield "entries with unsubmitted reports too"


def _clock(subject: Mapping[str, Any]) -> Iterator[str]:
    yield f"the clock shows {subject['clock']}, {subject['expected']} was expected"


_SUBJECTS = {
    Act.RELEASE: _release,
    Act.REPLAY: _replay,
    Act.ROLL_BACK: _roll_back,
    Act.PURGE: _purge,
    Act.CLOCK: _clock,
}
