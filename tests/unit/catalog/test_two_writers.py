"""Two processes that write to one history."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.catalog import events, row_check
from pywats_archive.catalog.engine import Catalog

EVENTS, AT_ONCE = 5_000, 5
WRITES = f"""
import sys
import time
from pathlib import Path
from pywats_archive.catalog import events
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.event import Event
from pywats_archive.models.time import utc_now

path, name = Path(sys.argv[1]), sys.argv[2]

def some(tx):
    for number in range({AT_ONCE}):
        events.append(tx, Event(kind=f"test.{{name}}", at=utc_now(), actor=name, details={{"number": number}}))

catalog = Catalog.open(path)
print("ready", flush=True)
sys.stdin.readline()
for _ in range({EVENTS // AT_ONCE}):
    catalog.write(some)
    time.sleep(0.001)  # SQLite is not fair: without a pause one process may write all before the other
catalog.close()
"""


@pytest.mark.long
def test_two_processes_write_one_chain(catalog: Catalog) -> None:
    """Each event of both is in the chain, once, behind the one before (invariant 8)."""
    words = [sys.executable, "-c", WRITES, str(Path(catalog.path))]
    pipe = subprocess.PIPE
    writers = [subprocess.Popen([*words, name], stdin=pipe, stdout=pipe, text=True) for name in ("left", "right")]
    with writers[0], writers[1]:
        assert [writer.stdout.readline() for writer in writers if writer.stdout] == ["ready\n"] * 2
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.wait(PATIENCE_S) for writer in writers] == [0, 0]
    with catalog.read() as db:
        found = list(events.iterate(db))
        (covered,) = row_check.check(db)  # and no break
    assert Counter(event.actor for event in found) == {"left": EVENTS, "right": EVENTS}
    assert isinstance(covered, row_check.History) and covered.events == 2 * EVENTS
    turns = sum(one.actor != other.actor for one, other in pairwise(found))
    assert turns > 2, "the processes wrote one after the other"
