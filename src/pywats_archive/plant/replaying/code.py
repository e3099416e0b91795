"""The converter's code of a replay: described and packed where the replay is planned, checked and unpacked where it runs."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path

from pywats_archive.archive.results.codes import lay_out, packed, unpacked
from pywats_archive.errors import UsageError, VaultError
from pywats_archive.host.job import ConversionJob
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.conversion import ConverterInfo
from pywats_archive.models.plant.replay import PlannedCode
from pywats_archive.reprocessing.candidate import LOAD_S, Candidate, described


def of_candidate(text: str) -> tuple[PlannedCode, bytes]:
    """Return a candidate's code as a plan names it, and packed; UsageError if it cannot be loaded."""
    candidate = Candidate.parse(text)
    module_path = f"{candidate.path}.{candidate.class_name}" if candidate.class_name else str(candidate.path)
    job = ConversionJob(module_path=module_path, converters_folder=str(candidate.path.parent))
    found = described(candidate, job, timeout_s=LOAD_S)
    if isinstance(found, str):
        raise UsageError(f"--converter-file {candidate.path}: {found}")
    code = _read(found.info)
    if code.fingerprint != found.info.fingerprint:
        raise UsageError(f"--converter-file {candidate.path}: was edited meanwhile; start again")
    return planned(code, version=found.info.version, is_candidate=True), pack(code)


def planned(code: ConverterCode, *, version: str, is_candidate: bool = False) -> PlannedCode:
    """Return what a plan says of code."""
    return PlannedCode(
        fingerprint=code.fingerprint,
        class_name=code.class_name,
        main=code.main,
        version=version,
        is_candidate=is_candidate,
    )


def pack(code: ConverterCode) -> bytes:
    """Pack code for the vault."""
    return gzip.compress(packed(code), mtime=0)


def unpack(content: bytes, wanted: PlannedCode, folder: Path) -> Path:
    """Write code into an empty folder, and return the defining file; VaultError unless it is what the plan names."""
    try:
        files = unpacked(gzip.decompress(content), wanted.main)
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as exc:
        raise VaultError(f"the code {wanted.fingerprint} in the vault is damaged ({exc})") from exc
    code = ConverterCode(files=files, class_name=wanted.class_name)
    if code.fingerprint != wanted.fingerprint:
        raise VaultError(
            f"the code in the vault has the fingerprint {code.fingerprint}, and the plan names {wanted.fingerprint}; "
            "it was altered, and is not run"
        )
    return lay_out(code, folder)


def _read(info: ConverterInfo) -> ConverterCode:
    return ConverterCode(
        files={name: Path(path).read_bytes() for name, path in info.code_files}, class_name=info.class_name
    )
