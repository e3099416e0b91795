"""What memory has of reports that were tried."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pywats_archive.conversion.sending.tries import Tries, Unsendable
from pywats_archive.host.server.answers import Trouble


@pytest.mark.parametrize(
    ("troubles", "looks"),
    [
        ([], False),
        ([Trouble.TIMED_OUT], True),
        ([Trouble.BROKEN_OFF], False),
        ([Trouble.BROKEN_OFF, Trouble.BUSY, Trouble.BROKEN_OFF], True),
        ([Trouble.UNREACHABLE, Trouble.BUSY, None], False),
    ],
)
def test_when_the_server_is_asked_first(troubles: list[Trouble | None], looks: bool) -> None:
    """After a time-out, or two broken connections: the server may have the report (invariant 4)."""
    tries = Tries()
    for trouble in troubles:
        tries.postpone("a", 10, trouble)
    assert tries.earlier("a").check_first == looks
    assert (tries.may_try("a", 9), tries.may_try("a", 10), tries.may_try("b", 0)) == (not troubles, True, True)


def test_a_slow_server_gets_its_time_from_the_first() -> None:
    """Once a report was taken after time-outs, others begin with as much; a new configuration begins anew."""
    tries = Tries()
    for _ in range(2):
        tries.postpone("slow", 0, Trouble.TIMED_OUT)
    assert (tries.timeouts("slow"), tries.timeouts("other")) == (2, 0)
    tries.complete("slow")
    assert (tries.timeouts("slow"), tries.timeouts("other")) == (2, 2)
    assert not tries.is_slow(["slow", "other"])
    tries.retry_now()
    assert tries.timeouts("other") == 0


@dataclass
class _Item:
    key: str
    place: str


def test_what_cannot_be_sent_is_news_once_for_each_reason() -> None:
    """It is named as long as it waits in a place that is there."""
    tries, item = Tries(), _Item(key="a", place="/archive")
    told = [tries.postpone_unsendable(item, reason, 10) for reason in ("odd", "odd", "gone")]  # type: ignore[arg-type]
    assert told == [True, False, True] and not tries.may_try("a", 9)
    assert tries.unsendable({"/archive"}) == (Unsendable(place="/archive", reason="gone"),)
    assert tries.unsendable({"/other"}) == ()
    tries.forget_gone("/other", set())
    tries.forget_gone("/archive", {"a"})
    assert tries.unsendable({"/archive"})
    tries.forget_gone("/archive", set())
    assert tries.unsendable({"/archive"}) == ()
