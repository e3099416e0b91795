"""Anchors, keys, and the files of an archive that hold no blob."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from pywats_archive.archive.access import folder, note
from pywats_archive.archive.anchors.anchor import anchors_in
from pywats_archive.archive.anchors.making import make
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.models.event import Event
from pywats_archive.models.time import utc_now
from tests.anchored import signer_of
from tests.proof.case import Case, K, case, refused
from tests.proof.place import Place, chained, write

_EDIT = "UPDATE events SET actor = 'nobody' WHERE sequence = 2"


def anchors() -> Iterator[Case]:
    """Yield the cases of anchors and keys."""
    own, damaged = "`anchors.log` in the archive", (K.ANCHOR_DAMAGED,)
    yield case(f"{own} edited", _edit_own, *damaged)
    yield case(f"{own} removed", Place.without_notes, remark="Nothing is lost: anchors elsewhere prove the history")
    yield case("the anchor elsewhere edited", _edit_anchor, also=damaged)
    yield case("the anchor elsewhere removed, and its folder named", _remove_anchor, also=(K.ANCHOR_FOREIGN,))
    yield case(
        "the chain recomputed, and the anchor elsewhere replaced by one that another key signs",
        _sign_with(another=True),
        also=(K.ANCHOR_KEY,),
    )
    yield case(
        "the chain recomputed, and the anchor elsewhere replaced by one that the station's key signs",
        _sign_with(another=False),
        remark="Who can change the anchors elsewhere, too, leaves nothing to compare: let the station only add files there",
    )
    yield case(
        "the signing key replaced by another one, which the program then records",
        _other_key,
        remark="`verify` says so in a line: from which key to which one, at which event",
    )
    yield case("a public key in the archive removed", _remove_key, remark="The history has the key too")


def files() -> Iterator[Case]:
    """Yield the cases of other files."""
    yield case(
        "the uuid in `archive.json` changed, and `anchors.log` removed",
        _other_uuid,
        K.ARCHIVE_ALTERED,
        also=(K.ANCHOR_FOREIGN,),
    )
    yield refused("the format in `archive.json` changed", _described("format_version", 99))
    yield refused("`archive.json` removed", lambda place: (place.root / "archive.json").unlink())
    yield case(
        "a note of an access removed before the service recorded it",
        _lost_note,
        remark="A note is its account's own until it is an event",
    )
    yield case("`purged.log` written", _purged, remark="`rebuild` alone reads it, and says which entries it leaves out")
    yield case("a time stamp removed from `timestamps`", _stamp, remark="Keep a copy elsewhere")


def _anchor(place: Place) -> Path:
    return next(place.share.rglob("*.anchor"))


def _edit_own(place: Place) -> None:
    path = place.root / "anchors.log"
    write(path, path.read_text("ascii").replace("time=2", "time=1").encode())


def _edit_anchor(place: Place) -> None:
    path = _anchor(place)
    write(path, path.read_text("ascii").replace("time=2", "time=1").encode())


def _remove_anchor(place: Place) -> None:
    _anchor(place).unlink()


def _sign_with(*, another: bool) -> Callable[[Place], None]:
    """Return the manipulation that signs a forged history."""

    def act(place: Place) -> None:
        chained(_EDIT)(place)
        with Archive.open(place.root) as archive, archive.read() as db:
            (was,) = anchors_in(_anchor(place).read_text("ascii"))
            hash_ = events.hash_at(db, was.event)
        assert hash_
        (place.base / "attacker").mkdir()
        signer = signer_of(place.base / "attacker" / "x" if another else place.key_folder / "archive")
        forged = signer.anchor(was.archive_uuid, was.event, hash_, was.at)
        write(_anchor(place), f"{forged.line}\n".encode())

    return act


def _other_key(place: Place) -> None:
    (place.base / "new").mkdir()
    with Archive.open(place.root, own=True) as archive:
        make(archive, signer_of(place.base / "new" / "x"), folders=[place.share])


def _remove_key(place: Place) -> None:
    place.blob("public-key-*.pem").unlink()


def _described(key: str, value: object) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        path = place.root / "archive.json"
        write(path, json.dumps({**json.loads(path.read_bytes()), key: value}).encode())

    return act


def _other_uuid(place: Place) -> None:
    _described("archive_uuid", "0" * 32)(place)
    place.without_notes()


def _lost_note(place: Place) -> None:
    folder.prepare(place.root, required=False)
    note.leave(place.root, Event(kind="entry.read", at=utc_now(), actor="reader"))
    place.blob("accesses/*.json").unlink()


def _purged(place: Place) -> None:
    (place.root / "purged.log").write_bytes(b'{"archive_id": "20260213143022123_a3f2d9"}\n')


def _stamp(place: Place) -> None:
    (place.root / "timestamps").mkdir()
    (place.root / "timestamps" / "x.tsr").write_bytes(b"x")
    (place.root / "timestamps" / "x.tsr").unlink()
