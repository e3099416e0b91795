"""One conversion in a worker: whatever the converter does comes out as a plain result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S
from tests.unit.host.bench import PASSWORD, Bench

from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.host.settings.secrets import redact_result
from pywats_archive.host.worker import entry
from pywats_archive.models.entry import ConversionStatus

GOOD = "return ConverterResult.success_result(report=REPORT)"


def test_a_good_conversion_gives_the_exact_json(bench: Bench) -> None:
    """A dict goes out with its keys in their order, compact, as UTF-8 (invariant 4)."""
    job = bench.converting("return ConverterResult.success_result(report={**REPORT, 'sn': 'Ärger'})")
    result = entry.convert(job)
    assert result.status is ConversionStatus.SUCCESS and result.warnings == () and result.post_action is None
    assert b'"type":"T","pn":"P1","sn":"\xc3\x84rger"' in result.documents[0]
    assert result.summaries[0].serial_number == "Ärger"
    assert result.converter and result.converter.version == "3.2.1"
    assert result.converter.password_arguments == {"password"}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise ValueError('no\\nluck')", "ValueError: no luck"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("raise asyncio.CancelledError", "CancelledError: "),
        ("return None", "the converter returned NoneType, not a ConverterResult"),
        ("return {'status': 'success'}", "the converter returned dict, not a ConverterResult"),
        ("return ConverterResult.failed_result('bad\\nfile')", "bad file"),
        ("return ConverterResult.success_result(report='text')", "the converter gave a str as a report"),
        (
            "return ConverterResult.success_result(report={'root': {'steps': [{}, {'v': float('nan')}]}})",
            "/root/steps[1]/v is nan",
        ),
        ("return ConverterResult.success_result(report={'start': datetime(2026, 2, 13)})", "/start is a datetime"),
        ("return ConverterResult.success_result(report={'sn': '\\udce4'})", "/sn is not valid Unicode"),
        ("r = {}; r['r'] = r; return ConverterResult.success_result(report=r)", "nested too deeply"),
    ],
)
def test_whatever_goes_wrong_is_one_line(bench: Bench, body: str, error: str) -> None:
    """A failure says in one line what it was, and by which code."""
    result = entry.convert(bench.converting(body))
    assert result.status is ConversionStatus.FAILED and result.documents == ()
    assert result.error and error in result.error and "\n" not in result.error
    assert result.converter and result.converter.fingerprint.startswith("sha256:")


def test_a_failure_keeps_what_is_no_secret(bench: Bench) -> None:
    """Only passwords are taken out of a failure, so that it can be understood (invariant 10)."""
    job = bench.converting("raise LookupError('utf-8 ' + context.get_argument('password'))")
    job = replace(job, arguments={"password": PASSWORD, "encoding": "utf-8"})
    told = redact_result(entry.convert(job), job.arguments)
    assert told.error == "LookupError: utf-8 [PASSWORD password]"
    assert PASSWORD not in str(told)


def test_every_report_counts_once(bench: Bench) -> None:
    """``report``, a list of them, and ``reports`` are all sent; the same object twice is one."""
    body = (
        "a, b, c = dict(REPORT, sn='a'), dict(REPORT, sn='b'), dict(REPORT, sn='c')\n"
        "return ConverterResult(status=ConversionStatus.SUCCESS, report=[a, b], reports=[a, (c,)])"
    )
    result = entry.convert(bench.converting(body))
    assert [json.loads(d)["sn"] for d in result.documents] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ("return ConverterResult.success_result()", "success, but no report"),
        ("return ConverterResult.success_result(report={**REPORT, 'root': {'steps': []}})", "report 1: has no steps"),
        (
            "return ConverterResult.success_result(report={**REPORT, 'root': {'steps': [{'seqCall': {}, 'steps': []}]}})",
            "report 1: has no steps",
        ),
        (
            "return ConverterResult.success_result(reports=[REPORT, {**REPORT, 'pn': '', 'rev': None}])",
            "report 2: lacks pn, rev",
        ),
    ],
)
def test_success_is_not_completeness(bench: Bench, body: str, warning: str) -> None:
    """What is missing in a success is warned of."""
    result = entry.convert(bench.converting(body))
    assert result.status is ConversionStatus.SUCCESS
    assert [w for w in result.warnings if warning in w], result.warnings


@pytest.mark.parametrize(
    ("verdict", "status", "told"),
    [
        ("ValidationResult.no_match('no header')", "SKIPPED", "no header"),
        ("ValidationResult.good_match(confidence=0.1)", "REJECTED", "confidence 0.10 below threshold 0.20"),
        ("ValidationResult.not_ready(['b.txt'], timedelta(seconds=9))", "SUSPENDED", "Waiting for: b.txt"),
        ("ValidationResult.pattern_match()", "SUCCESS", "confidence 0.30 below 0.50"),
        ("None", "FAILED", "AttributeError"),
    ],
)
def test_the_converters_own_judgement_counts(bench: Bench, verdict: str, status: str, told: str) -> None:
    """``validate`` decides before ``convert`` is called."""
    more = f"    def validate(self, source, context): return {verdict}\n"
    result = entry.convert(bench.converting(GOOD, more=more))
    assert result.status is ConversionStatus[status]
    assert told in (result.error or " ".join(result.warnings))
    assert result.retry_after == (timedelta(seconds=9) if status == "SUSPENDED" else None)


def test_a_converter_that_does_not_judge_is_not_doubted(bench: Bench) -> None:
    """The inherited ``validate`` compares names only, which is no reason to warn or reject."""
    job = replace(bench.converting(GOOD), reject_threshold=0.4, alarm_threshold=0.9)
    result = entry.convert(job)
    assert result.status is ConversionStatus.SUCCESS and result.warnings == ()


def test_a_converter_is_confined(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """Output and change of folder of a converter reach neither us nor the next one."""
    body = (
        "print('x' * 5_000_000)\nsys.stdout.buffer.write(b'raw'); sys.stderr.write('loud')\n"
        "os.chdir(source.path.parent)\n" + GOOD
    )
    before = Path.cwd()
    assert entry.convert(bench.converting(body)).status is ConversionStatus.SUCCESS
    assert Path.cwd() == before and capfd.readouterr() == ("", "")


def test_a_worker_process_is_silent_to_the_ground(bench: Bench) -> None:
    """Not even a program that a converter starts writes to the service's standard output."""
    job = bench.converting(
        "os.write(1, b'loud'); subprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n" + GOOD
    )
    program = (
        "from pywats_archive.host.worker import entry as worker; from pywats_archive.host.job import ConversionJob\n"
        f"worker.prepare()\nr = worker.convert(ConversionJob(module_path={job.module_path!r}, "
        f"converters_folder={job.converters_folder!r}, source_path={job.source_path!r}))\n"
        "import sys; sys.exit(0 if r.status.value == 'SUCCESS' else 1)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr


def test_hard_ends_are_told_and_the_next_converter_runs(bench: Bench) -> None:
    """Over a real spawned process: what ends it fails that source, what only asks to be ended fails like an error."""
    bench.code("""
class Hard(FileConverter):
    name = property(lambda self: "Hard")
    def convert(self, source, context): os._exit(9)
class Soft(FileConverter):
    name = property(lambda self: "Soft")
    def convert(self, source, context): raise KeyboardInterrupt
""")
    with ConverterProcesses(1) as processes:
        with pytest.raises(Exception, match="exit code 9"):
            processes.run(entry.convert, bench.job("own.Hard"), timeout_s=PATIENCE_S)
        soft = processes.run(entry.convert, bench.job("own.Soft"), timeout_s=PATIENCE_S)
    assert soft.status is ConversionStatus.FAILED


def test_metadata_needs_no_class_of_the_converter(bench: Bench) -> None:
    """What comes out of a worker is plain, so that the service can read it without the converter's code."""
    bench.code("""
class Text(str): pass
class Own(FileConverter):
    name = property(lambda self: "Own")
    def convert(self, source, context):
        return ConverterResult.success_result(report=REPORT, metadata={"a": Text("b"), "n": [1]})
""")
    with ConverterProcesses(1) as processes:
        assert processes.run(entry.convert, bench.job("own.Own"), timeout_s=PATIENCE_S).metadata == {"a": "b", "n": [1]}


def test_metadata_keeps_no_password(bench: Bench) -> None:
    """A converter that tells its arguments does not give its password away (invariant 10)."""
    job = bench.converting(
        "return ConverterResult.success_result(report=REPORT, metadata={'with': [context.arguments]})"
    )
    job = replace(job, arguments={"password": PASSWORD})
    told = redact_result(entry.convert(job), job.arguments)
    assert told.metadata == {"with": [{"password": "[PASSWORD password]", "greeting": "hello"}]}


def test_arguments_are_the_configured_over_the_defaults(bench: Bench) -> None:
    """A converter gets what is configured, and its own defaults for the rest."""
    body = "return ConverterResult.success_result(report={**REPORT, 'told': context.arguments, 'at': context.station_name})"
    job = replace(bench.converting(body), arguments={"password": "p", "extra": 1})
    report = json.loads(entry.convert(job).documents[0])
    assert report["told"] == {"greeting": "hello", "password": "p", "extra": 1} and report["at"] == "ST-7"


@pytest.mark.parametrize(("asked", "given"), [("DELETE", "delete"), ("ZIP", "zip"), ("KEEP", "keep"), ("MOVE", None)])
def test_only_an_action_that_was_chosen_overrules_the_configuration(
    bench: Bench, asked: str, given: str | None
) -> None:
    """MOVE is what every result has without asking; it leaves the choice to the configuration."""
    body = f"return ConverterResult.success_result(report=REPORT, post_action=PostProcessAction.{asked})"
    assert entry.convert(bench.converting(body)).post_action == given


def test_what_fails_at_the_end_spoils_nothing(bench: Bench) -> None:
    """A report that was made counts, though ``on_unload`` fails; it is told."""
    more = "    def on_unload(self): raise OSError('gone')\n"
    result = entry.convert(bench.converting(GOOD, more=more))
    assert result.status is ConversionStatus.SUCCESS and len(result.documents) == 1
    assert result.warnings == ("on_unload failed: OSError: gone",)


def test_the_files_that_were_read_are_known(bench: Bench) -> None:
    """A file beside the source that the converter opens for reading is told, one that it writes is not."""
    (bench.source.parent / "limits.ini").write_text("1")
    body = "(source.path.parent / 'limits.ini').read_text(); (source.path.parent / 'out.txt').write_text('x')\n" + GOOD
    opened = entry.convert(bench.converting(body)).opened_paths
    assert str(bench.source.parent / "limits.ini") in opened
    assert not [path for path in opened if path.endswith("out.txt") or os.sep + "site-packages" + os.sep in path]
