"""Blobs: durable, self-describing, and never silently wrong."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_archive.blobs.codec import compress
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.store import UNKNOWN, Blob, BlobStore
from pywats_archive.errors import BlobDamaged, BlobMissing, StorageError

DAY = "sources/2026/02/13"
PLACE = f"{DAY}/20260213143022123_a3f2d9"


def write(
    store: BlobStore, data: list[bytes], *, name: str = "a.csv", target: str = f"{PLACE}.gz", level: int = 6
) -> Blob:
    """Write a blob, settled."""

    def label(content: Content) -> Label:
        metadata = {"sha256": content.sha256, "size_bytes": content.size_bytes, "name": name}
        return Label(original_name=name, mtime_s=1_770_000_000, metadata=metadata)

    targets = iter([target, *(f"{target.removesuffix('.gz')}.{n}.gz" for n in range(9))])
    blob = store.write(
        data, folder=DAY, draft=lambda: label(UNKNOWN), naming=lambda c: (next(targets), label(c)), level=level
    )
    store.sync_name(blob)
    return blob


_CHUNKS = st.lists(st.binary(max_size=3000), max_size=6)


@settings(max_examples=60)
@given(chunks=_CHUNKS, level=st.integers(1, 9))
def test_any_bytes_at_any_level_come_back(chunks: list[bytes], level: int) -> None:
    """What went in comes out bit for bit, by us and by any gzip (invariant 6)."""
    with tempfile.TemporaryDirectory() as root:
        store = BlobStore(Path(root))
        blob = write(store, chunks, level=level)
        whole = b"".join(chunks)
        assert b"".join(store.read_checked(blob.path, blob.content.checksum)) == whole
        assert gzip.decompress((Path(root) / blob.path).read_bytes()) == whole
        assert store.label(blob.path).metadata["sha256"] == blob.content.sha256


@pytest.mark.parametrize("size", [524_288, 524_289, 1_048_575, 1_048_576, 1_048_577, 3_500_000])
@pytest.mark.parametrize("pieces", [1, 4])
def test_sizes_around_what_memory_holds(tmp_path: Path, size: int, pieces: int) -> None:
    """Content that does not compress comes back whether it fits into memory or not, in one chunk or in several."""
    data = random.Random(size).randbytes(size)
    step = -(-size // pieces)
    store = BlobStore(tmp_path)
    blob = write(store, [data[n : n + step] for n in range(0, size, step)])
    assert gzip.decompress((tmp_path / blob.path).read_bytes()) == data
    assert store.label(blob.path).metadata["size_bytes"] == size


@pytest.mark.skipif(sys.platform == "win32", reason="needs gzip's command")
@pytest.mark.parametrize("name", ["plain.csv", "ä ö 試験.csv", "with\nnewline"])
def test_gzip_brings_the_file_back_under_its_own_name(tmp_path: Path, name: str) -> None:
    """``gzip -dN`` gives back name, bytes and time (invariant 6)."""
    blob = write(BlobStore(tmp_path), [b"content"], name=name)
    subprocess.run(["gzip", "-dkN", blob.path.rpartition("/")[2]], cwd=tmp_path / DAY, check=True)
    assert (tmp_path / DAY / name).read_bytes() == b"content"
    assert int((tmp_path / DAY / name).stat().st_mtime) == 1_770_000_000


def test_a_taken_name_is_left_as_it_is(tmp_path: Path) -> None:
    """A second blob never replaces a first; it asks for another name (invariant 3)."""
    store = BlobStore(tmp_path)
    first, second = write(store, [b"one"]), write(store, [b"two"])
    assert (first.path, second.path) == (f"{PLACE}.gz", f"{PLACE}.0.gz")
    assert b"".join(store.read(first.path)) == b"one"


@pytest.mark.parametrize("data", [[b"two" * 50], [b"two", b"parts"]], ids=["short", "in steps"])
@pytest.mark.parametrize("numbers", [(9, 10), (10, 9), (9, 999_999)])
def test_a_label_that_grows_with_another_name_leaves_the_content_whole(
    tmp_path: Path, numbers: tuple[int, int], data: list[bytes]
) -> None:
    """The header of the second name may be longer or shorter than that of the first, whose place it takes."""
    store = BlobStore(tmp_path)
    taken = write(store, [b"one"])
    paths, labels = iter([taken.path, f"{PLACE}.0.gz"]), iter(numbers)

    def label(content: Content, number: int) -> Label:
        return Label(original_name="a", mtime_s=0, metadata={"number": number, "sha256": content.sha256})

    blob = store.write(
        data,
        folder=DAY,
        draft=lambda: label(Content(sha256="0" * 64, size_bytes=0), 999_999),
        naming=lambda content: (next(paths), label(content, next(labels))),
        level=6,
    )
    assert b"".join(store.read(blob.path)) == b"".join(data)
    assert store.read_header(blob.path).label.metadata["number"] == numbers[1]
    store.check(blob.path, blob.content.checksum)


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    """When reading the source fails midway, no file stays behind."""

    def broken() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write(BlobStore(tmp_path), broken())  # type: ignore[arg-type]
    assert list((tmp_path / DAY).iterdir()) == []


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    """A blob with one changed bit in its content is never read as if it were whole."""
    store = BlobStore(tmp_path)
    blob = write(store, [b"some text that compresses, some text that compresses"])
    path = tmp_path / blob.path
    sound = path.read_bytes()
    path.chmod(0o600)
    start = sound.index(b"a.csv\0") + 6
    for position in range(start, len(sound)):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 1]) + sound[position + 1 :])
        with pytest.raises(BlobDamaged):
            store.check(blob.path, blob.content.checksum)


def test_a_missing_blob_is_named(tmp_path: Path) -> None:
    """A blob that is not there is an error of its own."""
    with pytest.raises(BlobMissing, match="missing"):
        BlobStore(tmp_path).check(f"{PLACE}.none.gz", "sha256:0")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights")
def test_blobs_are_read_only_and_private(tmp_path: Path) -> None:
    """Blobs can be read by their owner alone, and written by nobody."""
    blob = write(BlobStore(tmp_path), [b"x"])
    assert (tmp_path / blob.path).stat().st_mode & 0o777 == 0o400
    assert (tmp_path / DAY).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("level", range(1, 10))
def test_a_level_keeps_zlibs_size(level: int) -> None:
    """At each level the result is at most 3 % larger than zlib's of that level."""
    rng = random.Random(7)
    text = "".join(
        f"ANL;1;R{rng.randrange(400)};{n};measure;;PASS;{rng.gauss(100, 5):.6e};90;110;Ohm\n" for n in range(9000)
    )
    data = text.encode()
    reference = zlib.compressobj(level, wbits=-15)
    assert len(compress(data, level)) <= 1.03 * len(reference.compress(data) + reference.flush())


def test_each_step_that_fails_leaves_nothing_that_counts(tmp_path: Path) -> None:
    """Fail at step k, for every k: no blob under its final name, or a whole one (invariant 5)."""
    for k in range(20):
        (root := tmp_path / str(k)).mkdir()
        steps: list[str] = []

        def on_step(name: str, steps: list[str] = steps, k: int = k) -> None:
            steps.append(name)
            if len(steps) == k + 1:
                raise OSError(28, "No space left on device")

        store = BlobStore(root, on_step=on_step)
        try:
            write(store, [b"x" * 100])
        except (OSError, StorageError):
            for path in store.paths(DAY):
                assert b"".join(BlobStore(root).read(path)) == b"x" * 100
            assert not list(root.rglob("*.part"))
        else:
            assert k > 4
            return
    raise AssertionError("the steps never ended")
