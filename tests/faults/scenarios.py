"""Every scenario: what is there before, what is done while steps fail, and what must be so in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.acts import (
    Act,
    add_companion,
    add_report,
    archive_it,
    convert_it,
    finish_and_replay,
    finish_both,
    finish_it,
    give_and_take,
    leave_behind,
    purge_it,
    put_aside,
    recover_it,
    replay_it,
    restore_it,
    retry_it,
    roll_back,
    see_it,
    set_aside,
    settle_owed,
    share_companion,
    share_source,
    submit_and_replace,
    submit_it,
    take_result,
    take_two,
)
from tests.faults.answered import accept_and_finish, convert_to_one, expect_accepted
from tests.faults.drops import (
    across,
    drop_beside_pending,
    drop_file,
    drop_folder,
    drop_large_file,
    drop_several_with_opened,
    drop_two,
    drop_with_companions,
    drop_with_opened,
)
from tests.faults.expectations import (
    expect_both,
    expect_companions,
    expect_folders,
    expect_pending,
    expect_purged,
    expect_replayed,
    expect_reports,
    expect_reserve,
    expect_restored,
    expect_rolled_back,
    expect_settled,
    expect_shared,
    expect_shared_sources,
)
from tests.faults.growing import (
    convert_appended,
    expect_appended,
    expect_grown,
    expect_late,
    finish_and_grow,
    finish_then_see,
    keep_and_append,
    look_afterwards,
    submit_and_grow,
)
from tests.faults.place import Place
from tests.faults.replacing import expect_as_new, finish_as_it_is_replaced, submit_before_next
from tests.faults.shipped import (
    damage_what_was_shipped,
    expect_repaired,
    expect_shipped,
    repair_it,
    ship_it,
    take_two_beside_a_vault,
)
from tests.faults.together import (
    archive_in_parts,
    archive_together,
    archive_together_and_finish,
    drop_pair,
    drop_some,
    expect_all,
    expect_both_removed,
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``prepare`` makes the state before, ``act`` is done while steps fail and is repeatable, ``expect`` checks its end."""

    drop: Callable[[Place], Any]
    prepare: Act = lambda archive, place: None
    act: Act
    expect: Act = lambda archive, place: None
    is_new: bool = False
    """There is no archive before: making it is part of the act."""
    is_encrypted: bool = False
    has_threads: bool = False
    """Some of its steps are made by other threads, so that each run may have them in another order."""


def _finish(post_action: str, drop: Callable[[Place], Any] = drop_file, **wanted: list[str]) -> Scenario:
    return Scenario(drop=drop, prepare=submit_it, act=finish_it(post_action), expect=expect_folders(**wanted))


def _accepted(
    post_action: str, drop: Callable[[Place], Any] = drop_file, *, keeps: bool = True, **wanted: list[str]
) -> Scenario:
    act = accept_and_finish(post_action, keeps_documents=keeps)
    return Scenario(drop=drop, prepare=convert_to_one, act=act, expect=expect_accepted(**wanted))


def _replaced(post_action: str, *done: str, drop: Callable[[Place], Any] = drop_file) -> Scenario:
    act = finish_as_it_is_replaced(post_action)
    return Scenario(drop=drop, prepare=submit_before_next, act=act, expect=expect_as_new(*done))


SCENARIOS = {
    "new archive": Scenario(drop=drop_file, act=see_it, is_new=True),
    "file": Scenario(drop=drop_file, act=archive_it),
    "large file": Scenario(drop=drop_large_file, act=archive_it),
    "folder": Scenario(drop=drop_folder, act=archive_it),
    "encrypted file": Scenario(drop=drop_file, act=archive_it, is_encrypted=True),
    "large encrypted file": Scenario(drop=drop_large_file, act=archive_it, is_encrypted=True),
    "encrypted batch": Scenario(drop=drop_some, act=archive_together(whole=True), expect=expect_all, is_encrypted=True),
    "encrypted report": Scenario(
        drop=drop_file, prepare=archive_it, act=convert_it, expect=expect_reports, is_encrypted=True
    ),
    "companions": Scenario(drop=drop_with_companions, act=archive_it, expect=expect_companions),
    "batch": Scenario(drop=drop_some, act=archive_together(whole=True), expect=expect_all),
    "batch with fsyncs": Scenario(
        drop=drop_some, act=archive_together(whole=False), expect=expect_all, has_threads=True
    ),
    "batch in parts": Scenario(drop=drop_some, act=archive_in_parts, expect=expect_all),
    "batch and deleted": Scenario(
        drop=drop_pair, act=archive_together_and_finish("delete"), expect=expect_both_removed
    ),
    "report": Scenario(drop=drop_file, prepare=archive_it, act=convert_it, expect=expect_reports),
    "submit": Scenario(drop=drop_file, prepare=convert_it, act=submit_it, expect=expect_reports),
    "move": _finish("move", Done=["unit.log"]),
    "move folder": _finish("move", drop_folder, Done=["unit/a.csv", "unit/deep/b.csv"]),
    "move across": _finish("move", across(drop_file), Done=["unit.log"]),
    "move folder across": _finish("move", across(drop_folder), Done=["unit/a.csv", "unit/deep/b.csv"]),
    "delete": _finish("delete"),
    "delete folder": _finish("delete", drop_folder),
    "zip": _finish("zip", Done=["unit.log.zip"]),
    "zip folder": _finish("zip", drop_folder, Done=["unit.zip"]),
    "keep": _finish("keep", watch=["unit.log"]),
    "archive": _finish("archive"),
    "whole way": Scenario(drop=drop_file, act=finish_it("move"), expect=expect_folders(Done=["unit.log"])),
    "accepted and moved": _accepted("move", Done=["unit.log"]),
    "accepted and moved folder": _accepted("move", drop_folder, Done=["unit/a.csv", "unit/deep/b.csv"]),
    "accepted and deleted": _accepted("delete"),
    "accepted and document removed": _accepted("move", keeps=False, Done=["unit.log"]),
    "accepted and zipped": _accepted("zip", Done=["unit.log.zip"]),
    "replaced while it waits": Scenario(
        drop=drop_file, prepare=submit_and_replace, act=finish_both, expect=expect_both
    ),
    "replaced as it is moved": _replaced("move", "unit.log"),
    "replaced as it is moved across": _replaced("move", "unit.log", drop=across(drop_file)),
    "replaced as it is deleted": _replaced("delete"),
    "replaced as it is zipped": _replaced("zip", "unit.log.zip"),
    "grown before it is moved": Scenario(
        drop=drop_file, prepare=submit_and_grow, act=finish_then_see("move"), expect=expect_grown(Done=["unit.log"])
    ),
    "grown before it is deleted": Scenario(
        drop=drop_file, prepare=submit_and_grow, act=finish_then_see("delete"), expect=expect_grown()
    ),
    "grown in Done": Scenario(drop=drop_file, prepare=finish_and_grow, act=look_afterwards, expect=expect_late),
    "appended": Scenario(drop=drop_file, prepare=keep_and_append, act=convert_appended, expect=expect_appended),
    "suspend": Scenario(drop=drop_file, prepare=archive_it, act=set_aside, expect=expect_pending),
    "suspend beside": Scenario(drop=drop_beside_pending, prepare=archive_it, act=set_aside, expect=expect_pending),
    "retry": Scenario(drop=drop_file, prepare=set_aside, act=retry_it, expect=expect_folders(Done=["unit.log"])),
    "restore": Scenario(drop=drop_with_companions, prepare=archive_it, act=restore_it, expect=expect_restored),
    "restore folder": Scenario(drop=drop_folder, prepare=archive_it, act=restore_it, expect=expect_restored),
    "one more report": Scenario(drop=drop_file, prepare=submit_it, act=add_report),
    "one more companion": Scenario(drop=drop_with_opened, prepare=archive_it, act=add_companion),
    "shared companion": Scenario(
        drop=drop_several_with_opened, prepare=archive_it, act=share_companion, expect=expect_shared
    ),
    "source and companion": Scenario(drop=drop_two, act=share_source, expect=expect_shared_sources),
    "scheduled result": Scenario(drop=lambda place: None, act=take_result),
    "recovery of a source": Scenario(
        drop=drop_with_companions, prepare=leave_behind(see_it, archive_it), act=recover_it, expect=expect_companions
    ),
    "recovery of reports": Scenario(
        drop=drop_file, prepare=leave_behind(archive_it, convert_it), act=recover_it, expect=expect_reports
    ),
    "purge": Scenario(drop=drop_with_companions, prepare=take_two, act=purge_it, expect=expect_purged),
    "ship": Scenario(drop=drop_with_companions, prepare=take_two_beside_a_vault, act=ship_it, expect=expect_shipped),
    "repair in the vault": Scenario(
        drop=drop_with_companions, prepare=damage_what_was_shipped, act=repair_it, expect=expect_repaired
    ),
    "replay": Scenario(drop=drop_file, prepare=finish_it("move"), act=replay_it, expect=expect_replayed),
    "rollback": Scenario(drop=drop_file, prepare=finish_and_replay, act=roll_back, expect=expect_rolled_back),
    "reserve": Scenario(drop=drop_file, act=give_and_take, expect=expect_reserve),
    "owed": Scenario(drop=drop_file, prepare=put_aside, act=settle_owed, expect=expect_settled),
}
