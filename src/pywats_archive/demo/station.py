"""The demo's story: a station is set up, files are dropped, the service processes them, and everything is checked."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pywats_archive.client import Client
from pywats_archive.demo.comparison import is_of, missing_sources
from pywats_archive.demo.drops import Drop, drop_list
from pywats_archive.demo.routing import route
from pywats_archive.demo.server import WatsServer
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.service import Service, Settings

_STANDARD = "pywats_client.converters.standard"
CONVERTERS = {
    "json": f"{_STANDARD}.wats_standard_json_converter.WATSStandardJsonConverter",
    "spea": f"{_STANDARD}.spea_converter.SPEAConverter",
    "seica": f"{_STANDARD}.seica_xml_converter.SeicaXMLConverter",
    "xjtag": f"{_STANDARD}.xjtag_converter.XJTAGConverter",
    "klippel": f"{_STANDARD}.klippel_converter.KlippelConverter",
    "xml": f"{_STANDARD}.wats_standard_xml_converter.WATSStandardXMLConverter",
    "csv": "csv_with_limits.CsvWithLimits",
    "burn-in": "burn_in_folder.BurnInFolder",
}
FURTHER_CONVERTERS = {
    "atml": f"{_STANDARD}.atml_converter.ATMLConverter",
    "keysight": f"{_STANDARD}.keysight_testexec_sl_converter.KeysightTestExecSLConverter",
    "teradyne-ict": f"{_STANDARD}.teradyne_ict_converter.TeradyneICTConverter",
    "teradyne-spectrum": f"{_STANDARD}.teradyne_spectrum_ict_converter.TeradyneSpectrumICTConverter",
    "text": f"{_STANDARD}.wats_standard_text_converter.WATSStandardTextConverter",
}
"""Converters that only the user's own files may be for."""
_FOLDER_CONVERTERS = ("burn-in",)
_PATIENCE_S = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoResult:
    """What the demo did and found."""

    folder: Path
    """Folder of the demo: configuration, watch folders, archive."""
    server: str
    """Address of the simulated server."""
    dropped: int
    """Number of files and folders that were put into watch folders."""
    entries: tuple[ArchiveEntry, ...]
    """The entries of the archive."""
    statistics: ArchiveStatistics
    """Figures of the archive."""
    accepted: int
    """Reports that the server accepted."""
    refused: int
    """Reports that the server refused."""
    waiting: int
    """Reports that still wait for the server."""
    duration_s: float
    """From the first file to the last report."""
    problems: tuple[str, ...]
    """One line for each deviation from what was put in; empty if there is none."""


Progress = Callable[[int, int], None]
"""Called with the number of finished sources, and that of all dropped sources."""


def run_demo(
    *,
    folder: Path | None,
    own_files: Path | None,
    count: int,
    seed: int,
    on_progress: Progress,
    afterwards: Callable[[DemoResult], None] | None = None,
) -> DemoResult:
    """Run the station once, in ``folder`` or a new temporary folder, which stays for inspection.

    ``afterwards`` is called with the result while the station runs on, and ends it by returning.
    """
    base = (folder or Path(tempfile.mkdtemp(prefix="pywats-archive-demo-"))).absolute()
    with WatsServer(strict=True) as server:
        config = set_up(base, server.address, accepts_any=own_files is not None)
        drops = route(own_files, config) if own_files else drop_list(seed, count)
        started = time.monotonic()
        _serve(base, config, drops, on_progress)
        duration = time.monotonic() - started
        result = _check(base, config, drops, server, duration)
        if afterwards:
            with _running(config):
                afterwards(result)
        return result


def set_up(base: Path, address: str, *, accepts_any: bool) -> Path:
    """Write a configuration as pyWATS would, with the archive switched on."""
    converters = base / "converters"
    converters.mkdir(parents=True)
    shipped = resources.files("pywats_archive.demo") / "converters"
    for file in shipped.iterdir():
        if file.name.endswith(".py"):
            (converters / file.name).write_bytes(file.read_bytes())
    sections = []
    for name, module_path in (CONVERTERS | FURTHER_CONVERTERS if accepts_any else CONVERTERS).items():
        (base / name / "watch").mkdir(parents=True)
        kind = "folder" if name in _FOLDER_CONVERTERS else "file"
        section: dict[str, object] = {
            "name": name,
            "module_path": module_path,
            "watch_folder": f"{name}/watch",
            "converter_type": kind,
            "archive_enabled": True,
            "archive_folder": "archive",
            "retry_delay_seconds": 2,
            "max_retries": 100,
            "settle_seconds": 1.0,
            "empty_seconds": 3.0,
            "file_patterns": ["*" if accepts_any else "*.*"],
            "archive_companions": ["{stem}.limits"] if name == "csv" else [],
            "arguments": {"limits_password": "demo-secret"} if name == "csv" else {},
        }
        sections.append(section)
    token = base64.b64encode(b"demo:demo").decode()
    config = {"service_address": address, "api_token": token, "station_name": "DEMO-STATION", "converters": sections}
    path = base / "config.json"
    path.touch(mode=0o600)  # it has a token
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return path


def _serve(base: Path, config: Path, drops: Sequence[Drop], on_progress: Progress) -> None:
    with _running(config) as thread:
        _drop_all(base, drops)
        _wait(base, config, drops, on_progress, thread)


@contextmanager
def _running(config: Path) -> Iterator[threading.Thread]:
    """Run the station's service until the block ends; its error is raised there."""
    service = Service(Settings(config_path=config))
    failure: list[BaseException] = []

    def work() -> None:
        try:
            service.run()
        except BaseException as exc:
            failure.append(exc)

    thread = threading.Thread(target=work, name="service")
    thread.start()
    try:
        yield thread
    finally:
        service.stop()
        thread.join()
    if failure:
        raise failure[0]


def _drop_all(base: Path, drops: Sequence[Drop]) -> None:
    """Drop everything; files that are written slowly are completed last, and a file waits while its name is taken."""
    halves = [drop for drop in drops if drop.slowly]
    for drop in halves:
        _target(base, drop).write_bytes(drop.content[: len(drop.content) // 2])
    taken = [drop for drop in drops if not drop.slowly and not place(base, drop)]
    for drop in halves:
        with _target(base, drop).open("ab") as stream:
            stream.write(drop.content[len(drop.content) // 2 :])
    deadline = time.monotonic() + _PATIENCE_S
    while taken and time.monotonic() < deadline:
        time.sleep(0.2)
        taken = [drop for drop in taken if not place(base, drop)]


def place(base: Path, drop: Drop) -> bool:
    """Put a source and its companions into the watch folder; False, and nothing is done, while its name is taken."""
    target = _target(base, drop)
    if target.exists():
        return False
    for name, content in drop.companions.items():
        companion = target.parent / name
        companion.parent.mkdir(parents=True, exist_ok=True)
        _write(companion, content)
    if drop.members:
        target.mkdir()
        for name, content in drop.members.items():
            _write(target / name, content)
    else:
        _write(target, drop.origin or drop.content)
    return True


def _write(target: Path, content: bytes | Path) -> None:
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content)


def _target(base: Path, drop: Drop) -> Path:
    return base / drop.converter / "watch" / drop.name


def _wait(base: Path, config: Path, drops: Sequence[Drop], on_progress: Progress, service: threading.Thread) -> None:
    """Wait until every source is finished; drop late files once their source was suspended."""
    late = {drop.name: drop for drop in drops if drop.late}
    recovering = set(late)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and service.is_alive():
        with Client.from_config(config) as client:
            at_rest = sum(_at_rest(account.by_state) for account in client.status().accounts)
            suspended = client.find(EntryFilter(status=ConversionStatus.SUSPENDED)).items
        names = [Path(entry.source_original_path).name for entry in suspended]
        for drop in [late.pop(name) for name in names if name in late]:
            for name, content in drop.late.items():
                (_target(base, drop).parent / name).write_bytes(content)
        ended = at_rest + sum(name not in recovering for name in names)
        on_progress(min(ended, len(drops)), len(drops))
        if ended >= len(drops):
            return
        time.sleep(0.3)


def _at_rest(by_state: dict[str, int]) -> int:
    return sum(by_state.get(state, 0) for state in ("done", "failed", "refused", "skipped", "rejected", "vanished"))


def _check(base: Path, config: Path, drops: Sequence[Drop], server: WatsServer, duration_s: float) -> DemoResult:
    """Check everything from outside: each dropped byte is in the archive, each report reached the server."""
    problems = []
    with Client.from_config(config) as client:
        entries = client.find(EntryFilter(newest_first=False), limit=1_000_000).items
        problems += missing_sources(client, entries, drops)
        states: Counter[SubmissionState] = Counter()
        for entry in entries:
            for report in client.details(entry.archive_id).reports:
                states[report.submission_state] += 1
                arrived = server.received.get(report.report_id, [])
                if report.submission_state is SubmissionState.ACCEPTED and not any(
                    is_of(report.checksum, b) for b in arrived
                ):
                    problems.append(f"{entry.archive_id}: report {report.report_id} is not what the server has")
        status = client.status()
        problems += status.disagreements
        statistics = client.statistics()
    if states[SubmissionState.WAITING]:
        problems.append(f"{states[SubmissionState.WAITING]} report(s) did not reach the server")
    return DemoResult(
        folder=base,
        server=server.address,
        dropped=len(drops),
        entries=entries,
        statistics=statistics,
        accepted=states[SubmissionState.ACCEPTED],
        refused=states[SubmissionState.REFUSED],
        waiting=states[SubmissionState.WAITING],
        duration_s=duration_s,
        problems=tuple(problems),
    )
