"""Legacy, folder and scheduled converters, and the hooks of all."""

from __future__ import annotations

import json

import pytest
from tests.unit.host.bench import Bench

from pywats_archive.errors import ArchiveError, ConverterUnavailable
from pywats_archive.host.worker import entry
from pywats_archive.models.entry import ConversionStatus

GOOD = "return ConverterResult.success_result(report=REPORT)"


def test_a_legacy_converter_gets_what_it_was_written_for(bench: Bench) -> None:
    """Constructor keywords, ``validate_file`` and its own arguments object, as ConverterBase documents them."""
    bench.code("""
class Old(ConverterBase):
    def __init__(self, plant="none"):
        super().__init__()
        self.plant = plant
    name = property(lambda self: "Old")
    def validate_file(self, info): return info.size > 0, "empty"
    def convert_file(self, path, args):
        return ConverterResult.success_result(report={**REPORT, "plant": self.plant, "set": args.user_settings,
                                                      "file": args.file_info.name})
""")
    job = bench.job("own.Old", arguments={"plant": "Oslo", "x": 1})
    report = json.loads(entry.convert(job).documents[0])
    assert (report["plant"], report["set"], report["file"]) == ("Oslo", {"plant": "Oslo", "x": 1}, "unit 1.txt")
    bench.source.write_bytes(b"")
    skipped = entry.convert(job)
    assert (skipped.status, skipped.error) == (ConversionStatus.SKIPPED, "empty")


def test_a_folder_converter_gets_a_source_as_documented(bench: Bench) -> None:
    """``folder_path`` and ``get_files_by_pattern`` exist, as FolderConverter's documentation uses them."""
    bench.code("""
class Box(FolderConverter):
    name = property(lambda self: "Box")
    def convert(self, source, context):
        found = [f.name for f in source.get_files_by_pattern("*.csv")]
        return ConverterResult.success_result(report={**REPORT, "found": found, "at": source.folder_path.name})
""")
    folder = bench.source.parent / "box"
    folder.mkdir()
    for name in ("b.csv", "a.csv", "c.txt"):
        (folder / name).write_text("1")
    report = json.loads(entry.convert(bench.job("own.Box", source_path=str(folder))).documents[0])
    assert (report["found"], report["at"]) == (["a.csv", "b.csv"], "box")


@pytest.mark.parametrize(
    ("configured", "files", "ready"),
    [
        ({}, ["a.csv"], False),
        ({}, ["a.csv", "COMPLETE.marker"], True),
        ({"readiness_marker": "GO"}, ["a.csv", "COMPLETE.marker"], False),
        ({"readiness_marker": "GO"}, ["a.csv", "GO"], True),
        ({"readiness_marker": "GO"}, ["GO"], False),
        ({"readiness_marker": ""}, ["a.csv"], True),
        ({"min_file_count": 3}, ["a.csv", "COMPLETE.marker"], False),
    ],
)
def test_a_folder_is_ready_as_configured(
    bench: Bench, configured: dict[str, object], files: list[str], ready: bool
) -> None:
    """The configured marker and count replace the converter's own; what else it asks for stays."""
    bench.code("""
class Box(FolderConverter):
    name = property(lambda self: "Box")
    expected_files = property(lambda self: ["*.csv"])
    def convert(self, source, context): return None
""")
    for name in files:
        (bench.source.parent / name).write_text("1")
    bench.source.unlink()
    job = bench.job("own.Box", source_path=str(bench.source.parent), **configured)
    assert entry.is_folder_ready(job) is ready


def test_a_folder_that_cannot_be_judged_is_told(bench: Bench) -> None:
    """A converter that fails to judge gives one of our errors."""
    bench.code("""
class Box(FolderConverter):
    name = property(lambda self: "Box")
    def is_folder_ready(self, folder, context): raise KeyError("x")
    def convert(self, source, context): return None
""")
    with pytest.raises(ArchiveError, match="KeyError") as raised:
        entry.is_folder_ready(bench.job("own.Box"))
    assert not isinstance(raised.value, ConverterUnavailable)  # which would stop its line for one folder


HOOKED = """
    def on_load(self, context): self.log = source_log
    def on_success(self, source, result, context): open(self.log, "a").write("good " + result.report["sn"])
    def on_failure(self, source, result, context): open(self.log, "a").write("bad " + result.error)
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (GOOD, "good S1"),
        ("raise ValueError('no')", "bad ValueError: no"),
        ("return ConverterResult.skipped_result('not mine')", None),
    ],
)
def test_hooks_hear_of_the_end_on_a_loaded_converter(bench: Bench, body: str, told: str | None) -> None:
    """``on_success`` or ``on_failure`` is called after ``on_load``, of an exception too, of nothing else."""
    path = bench.source.parent / "log"
    job = bench.converting(body, more=HOOKED.replace("source_log", repr(str(path))))
    result = entry.convert(job)
    assert result.has_hooks is (told is not None)
    assert entry.call_hook(entry.HookCall(job=job, result=result)) is None
    assert (path.read_text() if path.exists() else None) == told


def test_a_failing_hook_is_told_and_not_raised(bench: Bench) -> None:
    """What goes wrong in a hook comes back as text."""
    job = bench.converting(GOOD, more="    def on_success(self, *a): sys.exit('out')\n")
    assert entry.call_hook(entry.HookCall(job=job, result=entry.convert(job))) == "SystemExit: out"


@pytest.mark.parametrize(
    ("members", "documents", "warning"),
    [
        ("async def run(self, c): return [ConverterResult.success_result(report=REPORT)] * 2", 2, None),
        ("async def run(self, c): return ConverterResult.success_result(report=REPORT)", 1, None),
        (
            "async def run(self, c): return [ConverterResult.success_result(report=REPORT)]\n"
            "    def on_run_complete(self, results, c): raise OSError('full')",
            1,
            "on_run_complete failed: OSError: full",
        ),
        (
            "async def run(self, c): return [ConverterResult.success_result(report=REPORT)]\n"
            "    def on_unload(self): raise OSError('full')",
            1,
            "on_unload failed: OSError: full",
        ),
        ("async def run(self, c): return []", 0, None),
        ("async def run(self, c): return None", 0, None),
    ],
)
def test_what_a_scheduled_run_gave_is_never_lost(
    bench: Bench, members: str, documents: int, warning: str | None
) -> None:
    """Each result comes out, whatever fails after the run (invariant 4)."""
    bench.code(f"class Sch(ScheduledConverter):\n    name = property(lambda self: 'Sch')\n    {members}\n")
    results = entry.run_scheduled(bench.job("own.Sch", source_path=""))
    assert sum(len(result.documents) for result in results) == documents
    assert {w for result in results for w in result.warnings} == ({warning} if warning else set())
    assert all(result.converter for result in results)


def test_a_scheduled_run_that_fails_says_why(bench: Bench) -> None:
    """The run's own error counts, not what ``on_run_error`` makes of it."""
    bench.code(
        "class Sch(ScheduledConverter):\n"
        "    name = property(lambda self: 'Sch')\n"
        "    schedule_interval = property(lambda self: timedelta(minutes=5))\n"
        "    async def run(self, context): raise ValueError('no database')\n"
        "    def on_run_error(self, error, context): raise KeyError('also')\n"
    )
    job = bench.job("own.Sch", source_path="")
    (result,) = entry.run_scheduled(job)
    assert (result.status, result.error) == (ConversionStatus.FAILED, "ValueError: no database")
    described = entry.describe_converter(job)
    assert not isinstance(described, str)
    assert described.schedule_interval_s == 300 and described.info.kind == "scheduled"
