"""Overwrites texts in the log files of a service, in place: the service may be writing to them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pywats_archive.archive.erasing.texts import in_bytes
from pywats_archive.errors import StorageError

_PASSES = 3
"""A service may rename its files meanwhile; in the last pass, nothing is found."""


def overwrite(logs: Iterable[Path], *, names: Sequence[str], messages: Sequence[str]) -> int:
    """Overwrite texts with asterisks in log files and their predecessors, durably; returns how many places.

    ``names`` are overwritten as whole words. In a line that has one, they are also overwritten where they are joined to another
    word, and so are ``messages``. StorageError if a file cannot be written.
    """
    anywhere, there = in_bytes(names), in_bytes([*names, *messages], even_joined=True)
    if anywhere is None or there is None:
        return 0
    done = 0
    for log in logs:
        for _ in range(_PASSES):
            found = sum(_overwritten(path, anywhere, there) for path in files_of(log))
            done += found
            if not found:
                break
    return done


def files_of(log: Path) -> Iterator[Path]:
    """Yield a log file and its predecessors: those of the same name with a number."""
    if log.is_file():
        yield log
    if log.parent.is_dir():
        named = re.compile(re.escape(log.name) + r"\.\d+")
        yield from sorted(path for path in log.parent.iterdir() if named.fullmatch(path.name) and path.is_file())


def _overwritten(path: Path, anywhere: re.Pattern[bytes], there: re.Pattern[bytes]) -> int:
    done = 0
    try:
        with path.open("r+b") as stream:
            at = 0
            while line := stream.readline():
                if anywhere.search(line):
                    cleaned, number = there.subn(lambda found: b"*" * len(found[0]), line)
                    stream.seek(at)
                    stream.write(cleaned)
                    stream.flush()
                    done += number
                at += len(line)
                stream.seek(at)
            os.fsync(stream.fileno())
    except FileNotFoundError:
        return done
    except OSError as exc:
        why = f"cannot be written ({exc.strerror or exc}), and has lines about erased entries; check its rights"
        raise StorageError(f"{path}: {why}") from exc
    return done
