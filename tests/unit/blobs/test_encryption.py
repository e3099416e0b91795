"""Encrypted blobs: age's own format, opened by their keys alone, and never silently wrong."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pywats_archive.blobs.encryption import bech32
from pywats_archive.blobs.encryption.keys import Identity, Recipient
from pywats_archive.blobs.encryption.payload import CHUNK_BYTES
from pywats_archive.blobs.encryption.reading import PlainFile, require_unchanged
from pywats_archive.blobs.encryption.store import EncryptedBlobs
from pywats_archive.blobs.encryption.writing import EncryptedFile
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.store import UNKNOWN, Blob, BlobStore
from pywats_archive.errors import BlobDamaged, BlobLocked
from pywats_archive.models.step import no_step

STATION, RECOVERY = Identity.generate(), Identity.generate()
DAY = "sources/2026/02/13"
PLACE = f"{DAY}/20260213143022123_a3f2d9.csv.gz"
FIRST = 2 * CHUNK_BYTES
needs_age = pytest.mark.skipif(not shutil.which("age"), reason="age is not installed")


class Keys:
    """Two recipients, and some secret keys."""

    def __init__(self, *identities: Identity) -> None:
        self.recipients = (STATION.recipient, RECOVERY.recipient)
        self._identities = identities

    def identities(self) -> Sequence[Identity]:
        if not self._identities:
            raise BlobLocked
        return self._identities

    def forget(self) -> None:
        """There are no others."""


def written(path: Path, body: bytes, header: bytes, *more: bytes, is_reserved: bool) -> Path:
    """Write a file as a blob is written, and replace its header by each of ``more``."""
    file = EncryptedFile(str(path), no_step, recipients=Keys().recipients)
    if is_reserved:
        file.reserve(b"\0" * len(header))
    for at in range(0, len(body), 100_000):
        file.write(body[at : at + 100_000])
    sealed = file.seal(header, is_reserved=is_reserved)
    for each in more:
        sealed = file.seal(each, is_reserved=True)
    file.is_published = True
    assert sealed.size_bytes == path.stat().st_size
    path.chmod(0o600)  # it is changed below
    return path


def plain(path: Path, *identities: Identity) -> bytes:
    with path.open("rb") as file:
        return io.BufferedReader(PlainFile(file, path, identities)).read()


def store(root: Path, *identities: Identity) -> EncryptedBlobs:
    return EncryptedBlobs(root, Keys(*identities))


def put(blobs: BlobStore, data: list[bytes], *targets: str) -> Blob:
    """Write a blob under the first free one of ``targets``."""

    def label(content: Content) -> Label:
        metadata = {"sha256": content.sha256, "size_bytes": content.size_bytes, "serial": "SN-4711"}
        return Label(original_name="unit 4711.csv", mtime_s=1_770_000_000, metadata=metadata)

    paths = iter(targets or [PLACE])
    blob = blobs.write(
        data, folder=DAY, draft=lambda: label(UNKNOWN), naming=lambda c: (next(paths), label(c)), level=1
    )
    blobs.sync_name(blob)
    return blob


def age(path: Path, identity: Identity, folder: Path) -> bytes:
    """Decrypt a file with the tool ``age``."""
    key = folder / "key.txt"
    key.write_text(f"{identity.secret_text()}\n")
    return subprocess.run(["age", "-d", "-i", key, path], check=True, capture_output=True).stdout


@needs_age
@pytest.mark.parametrize("is_reserved", [False, True])
@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        CHUNK_BYTES - 10,
        CHUNK_BYTES - 9,
        FIRST - 10,
        FIRST - 9,
        FIRST + CHUNK_BYTES - 10,
        FIRST + CHUNK_BYTES - 9,
        700_000,
    ],
)
def test_age_opens_what_was_written(tmp_path: Path, size: int, is_reserved: bool) -> None:
    """At every border of a block, age decrypts the same bytes, with either key and after another header was set."""
    body, header, other = random.Random(size).randbytes(size), b"0123456789", b"abcdefghij"
    once = written(tmp_path / "a.age", body, header, is_reserved=is_reserved)
    twice = written(tmp_path / "b.age", body, header, other, is_reserved=is_reserved)
    assert age(once, STATION, tmp_path) == plain(once, STATION) == header + body
    assert age(twice, RECOVERY, tmp_path) == plain(twice, RECOVERY) == other + body
    for path in (once, twice):
        with path.open("rb") as file:
            require_unchanged(file, path)


def test_the_longest_header_fits(tmp_path: Path) -> None:
    """A header longer than a block is replaced whole, in a long file and in one that compresses to nothing."""
    header, other = b"h" * 69_643, b"o" * 69_643
    for size in (100, 300_000):
        path = written(tmp_path / f"{size}.age", b"b" * size, header, other, is_reserved=True)
        assert plain(path, STATION) == other + b"b" * size


def test_nothing_is_encrypted_twice_under_one_key(tmp_path: Path) -> None:
    """Another header means another key for every block: no two versions of a file have a byte sequence in common."""
    path, versions = tmp_path / "a.age", []
    file = EncryptedFile(str(path), no_step, recipients=Keys().recipients)
    file.reserve(b"0" * 10)
    file.write(bytes(400_000))
    for header in (b"a" * 10, b"b" * 10):
        file.seal(header, is_reserved=True)
        versions.append(path.read_bytes())
    file.discard()
    pieces = [{version[at : at + 16] for at in range(500, len(version) - 16)} for version in versions]
    assert not pieces[0] & pieces[1]


@needs_age
def test_a_file_of_age_is_read(tmp_path: Path) -> None:
    """What age encrypts is read here, though it has no digest of ours."""
    path = tmp_path / "a.age"
    subprocess.run(["age", "-r", str(STATION.recipient), "-o", path], input=b"x" * 70_000, check=True)
    assert plain(path, RECOVERY, STATION) == b"x" * 70_000


@pytest.mark.parametrize("size", [2_000, 300_000])
def test_every_changed_byte_is_found(tmp_path: Path, size: int) -> None:
    """With a key every byte counts; without one, all but those of the code that binds the header to its key."""
    path = written(tmp_path / "a.age", random.Random(1).randbytes(size), b"h" * 10, is_reserved=True)
    whole = path.read_bytes()
    code = whole.index(b"\n---") + 1
    for at in [*range(code + 60), *range(code + 60, len(whole), 3_001), len(whole) - 1]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert fails((BlobDamaged, BlobLocked), lambda: plain(path, STATION)), at
        if not code <= at < code + 48:
            assert fails(BlobDamaged, lambda: require_unchanged(path.open("rb"), path)), at
    path.write_bytes(whole[:-1])
    with pytest.raises(BlobDamaged):
        plain(path, STATION)
    assert fails(BlobDamaged, lambda: require_unchanged(path.open("rb"), path))


def fails(kind: type[Exception] | tuple[type[Exception], ...], call: Callable[[], object]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


def test_a_damaged_block_is_named(tmp_path: Path) -> None:
    """The error says which block is damaged, and what lies before it is still read."""
    path = written(tmp_path / "a.age", b"b" * 300_000, b"", is_reserved=True)
    whole = bytearray(path.read_bytes())
    whole[-70_000] ^= 1
    path.write_bytes(whole)
    with path.open("rb") as file:
        reader = PlainFile(file, path, [STATION])
        assert reader.read(CHUNK_BYTES) == b"b" * CHUNK_BYTES
        reader.seek(3 * CHUNK_BYTES)
        with pytest.raises(BlobDamaged, match=r"a\.age: block 4 \(64 KiB from byte 196,608 on\) is damaged"):
            reader.read(1)


def test_any_place_is_read(tmp_path: Path) -> None:
    """Seeking reads the same bytes as a file in clear."""
    body = random.Random(5).randbytes(250_000)
    path = written(tmp_path / "a.age", body, b"", is_reserved=True)
    with path.open("rb") as file, io.BufferedReader(PlainFile(file, path, [STATION])) as reader:
        for at, size in [(0, 5), (65_530, 20), (249_990, 100), (131_072, 65_536), (400_000, 1)]:
            reader.seek(at)
            assert reader.read(size) == body[at : at + size]
        assert reader.seek(-3, io.SEEK_END) == 249_997 and reader.read() == body[-3:]


def test_only_the_keys_open_a_blob(tmp_path: Path) -> None:
    """A wrong key, or none, says so; the recovery key opens it."""
    blob = put(store(tmp_path), [b"content"])
    assert blob.path == f"{PLACE}.age"
    for one in (store(tmp_path, Identity.generate()), store(tmp_path)):
        with pytest.raises(BlobLocked):
            one.label(blob.path)
        assert one.locked
    assert b"".join(store(tmp_path, RECOVERY).read_checked(blob.path, blob.content.checksum)) == b"content"
    assert store(tmp_path, STATION).label(blob.path).metadata["serial"] == "SN-4711"


@pytest.mark.parametrize("chunks", [[b"needle in a file"], [b"needle" * 300_000, b"needle" * 300_000]])
def test_no_content_is_on_the_disk(tmp_path: Path, chunks: list[bytes]) -> None:
    """Neither the content, nor its name, nor its metadata is in the file, at any moment."""
    seen: list[bytes] = []

    def look(step: str) -> None:
        seen.extend(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())

    put(EncryptedBlobs(tmp_path, Keys(), on_step=look), chunks, PLACE)
    look("end")
    assert any(seen)
    for word in (b"needle", b"unit 4711", b"SN-4711", b'sha256":'):
        assert not any(word in each for each in seen), word


def test_a_taken_name_is_left_and_the_next_one_used(tmp_path: Path) -> None:
    """A blob whose name is taken gets the next one, short or long, and stays readable (invariant 3)."""
    blobs = store(tmp_path, STATION)
    first = put(blobs, [b"first"])
    for data in ([b"second"], [random.Random(2).randbytes(1_500_000), b"end"]):
        other = put(blobs, data, PLACE, PLACE.replace(".csv", f".{len(data)}"))
        assert b"".join(blobs.read_checked(other.path, other.content.checksum)) == b"".join(data)
        assert blobs.is_unchanged(other.path, blobs.label(other.path))
    assert b"".join(blobs.read(first.path)) == b"first"


def test_without_a_key_a_blob_is_compared_with_its_digest(tmp_path: Path) -> None:
    """Without a key a blob cannot be read back, so that no source is removed (invariant 2); damage is still found."""
    blob, locked = put(store(tmp_path), [b"content" * 1000]), store(tmp_path)
    with pytest.raises(BlobLocked):
        locked.check(blob.path, blob.content.checksum)
    locked.check_encrypted(blob.path)
    path = tmp_path / blob.path
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(-40, io.SEEK_END)
        file.write(b"\0" * 8)
    with pytest.raises(BlobDamaged):
        locked.check_encrypted(blob.path)
    assert locked.encrypted_fault(blob.path)


def test_what_comes_before_the_damage_is_salvaged(tmp_path: Path) -> None:
    """Of a damaged blob, the content up to the damaged block is saved."""
    blobs, content = store(tmp_path, STATION), random.Random(9).randbytes(2_000_000)
    blob = put(blobs, [content[:1_000_000], content[1_000_000:]])
    path = tmp_path / blob.path
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\0" * 8)
    saved = b"".join(blobs.salvage(blob.path))
    assert 900_000 < len(saved) < len(content) and content.startswith(saved)


def test_a_further_name_needs_the_key(tmp_path: Path) -> None:
    """A blob gets a further name only where its content can be checked; otherwise it is stored again."""
    blob = put(store(tmp_path), [b"companion"])
    name = PLACE.replace(".csv", ".companions.1")
    assert store(tmp_path).share(blob.path, iter([name]), checksum=blob.content.checksum) is None
    shared = store(tmp_path, STATION).share(blob.path, iter([name]), checksum=blob.content.checksum)
    assert shared and shared.path == f"{name}.age"


def test_keys_are_text_as_age_has_it() -> None:
    """Keys survive their text; a wrong letter is found; a secret is not shown by accident."""
    identity = Identity.generate()
    assert Identity.parse(identity.secret_text()).public == identity.public
    assert Recipient.parse(f" {identity.recipient}\n") == identity.recipient
    assert identity.secret_text() not in repr(identity)
    text = str(identity.recipient)
    for wrong in (text[:-1], text[:-1] + ("q" if text[-1] != "q" else "p"), text.replace("age1", "abc1"), "age1", ""):
        with pytest.raises(ValueError):
            Recipient.parse(wrong)


def test_bech32_as_its_standard_has_it() -> None:
    """The valid and invalid examples of BIP 173."""
    for valid in (
        "A12UEL5L",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    ):
        prefix, _ = _decoded(valid)
        assert prefix == valid.lower().rpartition("1")[0]
    for invalid in (
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "aB12UEL5L",
    ):
        with pytest.raises(ValueError):
            bech32.decode(invalid)


def _decoded(text: str) -> tuple[str, bytes]:
    try:
        return bech32.decode(text)
    except ValueError as exc:  # its checksum is right, and its bits are no whole bytes
        assert "last character" in str(exc)
        return text.lower().rpartition("1")[0], b""
