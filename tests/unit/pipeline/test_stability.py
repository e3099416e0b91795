"""When a source is whole."""

from __future__ import annotations

from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.folders.debounce import Debounce


def signature(size: int, mtime: int = 1) -> FileStamp:
    """Make a signature."""
    return FileStamp(size_bytes=size, mtime_ns=mtime)


def test_a_source_is_whole_after_it_was_quiet() -> None:
    """Not before ``settle_s`` without a change of size or time, as we saw it."""
    watch = Debounce(settle_s=2)
    assert watch.observe({"a": signature(1)}, 0) == ()
    assert watch.observe({"a": signature(2)}, 1.9) == ()
    assert watch.observe({"a": signature(2)}, 3.8) == ()
    assert watch.observe({"a": signature(2)}, 3.9) == ("a",)


def test_an_old_time_alone_does_not_make_it_whole() -> None:
    """A share's clock may be behind: only what we saw ourselves counts."""
    watch = Debounce(settle_s=2)
    assert watch.observe({"a": signature(1, mtime=0)}, 100) == ()
    assert watch.observe({"a": signature(1, mtime=7)}, 103) == ()


def test_what_is_gone_is_forgotten() -> None:
    """A source that comes back starts again."""
    watch = Debounce(settle_s=2)
    watch.observe({"a": signature(1)}, 0)
    watch.observe({}, 1)
    assert watch.observe({"a": signature(1)}, 3) == ()


def test_a_source_without_bytes_is_given_longer() -> None:
    """Most empty files are about to be written; a run that is to end does not wait for them."""
    watch = Debounce(settle_s=2, empty_s=60)
    assert watch.observe({"a": signature(0)}, 0) == ()
    assert watch.observe({"a": signature(0)}, 59) == ()
    assert watch.observe({"a": signature(0)}, 59, impatient=True) == ("a",)
    assert watch.observe({"a": signature(0)}, 60) == ("a",)
    assert watch.observe({"a": signature(1)}, 61) == ()
    assert watch.observe({"a": signature(1)}, 63) == ("a",)
