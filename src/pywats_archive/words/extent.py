"""The extent of a check of the history, in words."""

from __future__ import annotations

from collections.abc import Iterator

from pywats_archive.models.operation.integrity import HistoryChecked
from pywats_archive.words.text import counted


def extent(history: HistoryChecked) -> str:
    """Return the extent of a check as a line, with a hint if no anchor outside the archive was compared."""
    bound = f"rows are bound from event {history.bound_from} on" if history.bound_from else "no event binds rows"
    if history.anchor:
        anchor = f"proved up to {history.anchor}"
        if history.erased:
            anchor += ", except what the erased events said"
    elif history.anchors:
        anchor = "no anchor outside the archive proves it"
    else:
        anchor = (
            "no anchor outside the archive: newest events that were cut off, or a recomputed chain, would not be found; "
            "set anchor_folders"
        )
    erased = f" ({history.erased} of them erased on record)" if history.erased else ""
    return f"history of {history.archive}: {history.events} events{erased}, {bound}; {anchor}{_stamped(history)}"


def erasures(history: HistoryChecked) -> Iterator[str]:
    """Yield a line for each erasure of events: any account with write access to the catalog could have recorded it."""
    for each in history.erasures:
        which = f"of entry {each.archive_id}" if each.archive_id else "of no single entry"
        reason = f": {each.reason}" if each.reason else ""
        at = each.at[:19].replace("T", " ")
        yield (
            f"erased: not proved by an anchor: {counted(each.erased, 'event')} {which}, by event {each.event} at {at} UTC, "
            f"{each.actor}{reason}"
        )


def _stamped(history: HistoryChecked) -> str:
    """Return up to where time stamps prove the history; empty without any."""
    if not history.stamped:
        return ""
    unknown = (
        "" if history.is_authority_known else ", by an authority that was not checked; set time_stamp_certificates"
    )
    return f"; time-stamped up to {history.stamped}{unknown}"
