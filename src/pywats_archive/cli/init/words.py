"""What the answers mean: the disk space they take, what is deleted and when, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pywats_archive.cli.options import quoted
from pywats_archive.config import ConverterConfig, PostProcessAction
from pywats_archive.models.operation.capacity import CATALOG_BYTES, ExpectedLoad, Load, capacity
from pywats_archive.portable.files import WINDOWS
from pywats_archive.words.sizes import human_size

_RULE = Load(files_per_day=1000, file_size_bytes=20_000, days=1)
_GB = 10**9
_TO_SPARE = 1.2


def needed_bytes(load: ExpectedLoad | None, days: int) -> int:
    """Return what the expected files take on disk in so many days; 0 if nothing is known."""
    return load.disk_bytes(days) + round(load.files / load.days * days) * CATALOG_BYTES if load else 0


def room(load: ExpectedLoad | None, days: int) -> str:
    """Return the disk space that an archive takes, by the files that are there, or by a plain rule."""
    if load is None:
        rule = f"with 1,000 files of 20 kB a day, {room_for(load, days)}"
        return f"no files of the last week there; {rule} (see 'pywats-archive plan')"
    files = "1 file" if load.files == 1 else f"{load.files:,} files"
    return f"{files} of the last {_days(load.days)} there, {human_size(load.size_bytes)}; {room_for(load, days)}"


def room_for(load: ExpectedLoad | None, days: int) -> str:
    """Return the disk space of so many days alone."""
    needed = needed_bytes(load, days) if load else capacity(_RULE).bytes_per_day * days
    return f"{_days(days)} {'takes' if days == 1 else 'take'} about {human_size(needed)}"


def _days(days: int) -> str:
    """Return a number of days in words."""
    return "1 day" if days == 1 else f"{days:,} days"


def size_limit(load: ExpectedLoad | None, days: int) -> float:
    """Return a size limit in GB that leaves a fifth to spare, and is not below the default."""
    least = float(ConverterConfig.model_fields["max_archive_size_gb"].default)
    return max(least, float(-(-needed_bytes(load, days) * _TO_SPARE // _GB)))


def consequences(converter: ConverterConfig) -> Iterator[str]:
    """Yield where a file goes, and when what of it is deleted."""
    if converter.watch_folder:
        yield _AFTERWARDS[converter.post_action].format(done=converter.done_folder, watch=converter.watch_folder)
        yield f"A file that fails is moved to {converter.error_folder}, and never deleted there."
    policy = converter.retention_policy()
    assert policy, "a new converter has retention keys"
    yield (
        f"The archive deletes its copies after {_days(policy.retention_days)} (of failed files after "
        f"{_days(policy.days_for(failed=True))}), and the oldest ones earlier if they take more than "
        f"{policy.max_size_gb:g} GB. Entries on hold, and those whose reports the server has not accepted, are kept."
    )
    if converter.post_action in _ONLY_COPY:
        yield "From then on, no copy of the file is left."


_ONLY_COPY = (PostProcessAction.DELETE, PostProcessAction.ARCHIVE)
_DELETED = (
    "After a success, the file is deleted from {watch}, once the archive's copy was read back and the server has the "
    "reports. The archive then has the only copy."
)
_AFTERWARDS = {
    PostProcessAction.MOVE: "After a success, the file is moved to {done}, and never deleted there.",
    PostProcessAction.ZIP: "After a success, the file is zipped into {done}, and never deleted there.",
    PostProcessAction.KEEP: "After a success, the file stays in {watch}, and is never deleted there.",
    PostProcessAction.DELETE: _DELETED,
    PostProcessAction.ARCHIVE: _DELETED,
}


def next_steps(config: Path) -> tuple[tuple[str, str], ...]:
    """Return commands with what they do, in their order."""
    named = f"--config {quoted(config)}"
    return (
        ("try it: convert what is in the watch folders", f"pywats-archive run --until-idle {named}"),
        ("see what became of it", f"pywats-archive list {named}"),
        (
            f"start it with the computer, as {'administrator' if WINDOWS else 'root'}",
            f"pywats-archive service install {named}",
        ),
    )
