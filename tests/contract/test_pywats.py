"""What we work around in pywats-api 0.6.0rc1; a test that fails here says that the host has mended it."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.config.server import ServerConfig
from pywats_archive.demo import faults
from pywats_archive.demo.server import WatsServer
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.server.answers import SubmitOutcome
from pywats_archive.host.server.submission import Submitter

REPORT = b'{"id":"11111111-2222-3333-4444-555555555555","sn":"S1"}'
REPORT_ID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.skipif(importlib.util.find_spec("PySide6") is not None, reason="Qt is installed here")
def test_the_client_package_needs_a_stand_in_for_qt() -> None:
    """Without one nothing beneath ``pywats_client`` imports; with ours it does, and no trace of it stays."""
    plain = subprocess.run([sys.executable, "-c", "import pywats_client.core"], capture_output=True, check=False)
    assert plain.returncode != 0 and b"PySide6" in plain.stderr
    assert pywats_module("pywats_client.converters.file_converter").FileConverter
    assert not any(name.startswith("PySide6") for name in sys.modules)


def test_unknown_keys_are_dropped_when_a_converter_is_read() -> None:
    """Which is why our keys are remembered beside the configuration."""
    section = pywats_module("pywats_client.core.config").ConverterConfig
    read = section.from_dict({"name": "c", "module_path": "m.C", "archive_enabled": True})
    assert not hasattr(read, "archive_enabled")


def test_a_results_single_report_is_dropped_beside_several() -> None:
    """``get_all_reports`` forgets ``report`` when both are set; we flatten them ourselves."""
    result = pywats_module("pywats_client.converters.models").ConverterResult
    status = pywats_module("pywats_client.converters.models").ConversionStatus.SUCCESS
    assert result(status=status, report={"a": 1}, reports=[{"b": 2}]).get_all_reports() == [{"b": 2}]


def test_a_folder_source_lacks_what_is_documented() -> None:
    """``folder_path`` and ``get_files_by_pattern`` are documented and missing; ours has them."""
    source = pywats_module("pywats_client.converters.models").ConverterSource
    assert not hasattr(source, "folder_path") and not hasattr(source, "get_files_by_pattern")


def test_the_context_reads_another_key_than_the_configuration_writes() -> None:
    """``from_config`` wants ``drop_folder``, configurations say ``watch_folder``."""
    context = pywats_module("pywats_client.converters.context").ConverterContext
    assert context.from_config({"watch_folder": "w"}).drop_folder is None


def _submit(fault: faults.Fault | None, *, timeout_s: float = PATIENCE_S) -> tuple[SubmitOutcome, list[bytes]]:
    with WatsServer(fault=faults.always(fault) if fault else None) as server:
        config = ServerConfig(service_address=server.address, api_token="dGVzdDp0ZXN0")

        async def once() -> SubmitOutcome:
            submitter = Submitter(config, timeout_s=timeout_s)
            outcome = await submitter.submit(REPORT, REPORT_ID)
            await submitter.close()
            return outcome.verdict

        verdict = asyncio.run(once())
        return verdict, server.received.get(REPORT_ID, [])


def test_bytes_are_sent_as_they_are() -> None:
    """The host sends what is no dict as the request's body, bit for bit (invariant 4)."""
    assert _submit(None) == (SubmitOutcome.ACCEPTED, [REPORT])


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (faults.answer(400), SubmitOutcome.REFUSED),
        (faults.answer(401), SubmitOutcome.STOP),
        (faults.answer(403), SubmitOutcome.STOP),
        (faults.answer(408), SubmitOutcome.LATER),
        (faults.answer(409), SubmitOutcome.REFUSED),
        (faults.answer(422), SubmitOutcome.REFUSED),
        (faults.answer(429), SubmitOutcome.LATER),
        (faults.answer(500), SubmitOutcome.LATER),
        (faults.answer(503), SubmitOutcome.LATER),
        (faults.EMPTY, SubmitOutcome.LATER),
        (faults.NO_IDS, SubmitOutcome.LATER),
        (faults.TEXT, SubmitOutcome.LATER),
        (faults.LOGIN_PAGE, SubmitOutcome.LATER),
        (faults.wrong_id(), SubmitOutcome.LATER),
        (faults.DROP_BEFORE_READING, SubmitOutcome.LATER),
        (faults.DROP_AFTER_ACCEPTING, SubmitOutcome.LATER),
    ],
)
def test_each_answer_means_what_was_measured(fault: faults.Fault, verdict: SubmitOutcome) -> None:
    """Later, refused, stop: and only the report's own id is an acceptance (invariant 4)."""
    assert _submit(fault)[0] is verdict


def test_no_answer_in_time_means_later() -> None:
    """Whether the server has the report is unknown (invariant 4)."""
    assert _submit(faults.hang(600), timeout_s=0.5)[0] is SubmitOutcome.LATER


def test_no_server_is_no_answer(tmp_path: Path) -> None:
    """A refused connection means later, an empty address means that a person must act."""

    async def ask(address: str) -> SubmitOutcome:
        submitter = Submitter(ServerConfig(service_address=address, api_token="dGVzdDp0ZXN0"), timeout_s=PATIENCE_S)
        outcome = await submitter.submit(REPORT, REPORT_ID)
        await submitter.close()
        return outcome.verdict

    with WatsServer() as server:
        address = server.address
    assert asyncio.run(ask(address)) is SubmitOutcome.LATER
    assert asyncio.run(ask("")) is SubmitOutcome.STOP
