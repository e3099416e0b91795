"""``qualify``: the product's own checks on this station, and a protocol of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pywats_archive.archive.anchors.signing import KEY_FILE, load_signer
from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.place import Place, place_of
from pywats_archive.errors import StorageError
from pywats_archive.qualification import writing
from pywats_archive.qualification.protocol import CheckResult, Protocol, QualificationCheck
from pywats_archive.qualification.qualifying import qualify as carry_out
from pywats_archive.words.text import printable

_STYLES = {CheckResult.PASSED: "green", CheckResult.FAILED: "red", CheckResult.NOT_DONE: "yellow"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Qualified:
    """The protocol of a qualification, and its files."""

    protocol: Protocol
    """The expectations and the results."""
    json_file: Path
    """The protocol as JSON, the same as here."""
    text_file: Path
    """The protocol to read, print and sign."""
    signature_file: Path | None
    """The Ed25519 signature of the JSON file; null without a signing key."""


def qualify(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Folder of the protocol.", show_default="here")
    ] = Path(),
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the scratch station is; default: beside the configuration, or the archive."
        ),
    ] = None,
    as_json: options.JsonOption = False,
) -> int:
    """Check this installation, write a protocol.

    The installation is checked as it is; the operation in a scratch station that is removed afterwards.
    """
    place = place_of(archive, config)
    folder = to.absolute()
    protocol = carry_out(
        config=None if place.is_archive else place.path,
        archive=place.path if place.is_archive else None,
        beside=scratch.absolute() if scratch else place.path.parent,
        on_check=(lambda check: None) if as_json else _show,
    )
    try:
        written = writing.write(protocol, folder, sign=_signer(place))
    except OSError as exc:
        raise StorageError(
            f"{folder}: the protocol cannot be written ({exc.strerror or exc}); name another folder"
        ) from exc
    if as_json:
        print_json(
            Qualified(
                protocol=protocol,
                json_file=written.json_file,
                text_file=written.text_file,
                signature_file=written.signature_file,
            )
        )
    else:
        console.print(f"{protocol.passed} passed, {protocol.failed} failed, {protocol.not_done} not done")
        console.print(printable(f"protocol: {written.text_file}"), soft_wrap=True)
    return 1 if protocol.failed else 0


def _signer(place: Place) -> writing.Sign | None:
    """Return the signature of the station's key, if it has one; None for an archive alone."""
    if place.is_archive or not (place.path.parent / KEY_FILE).exists():
        return None
    return load_signer(place.path.parent, create=False).sign_bytes


def _show(check: QualificationCheck) -> None:
    line = f"{check.number:<6} {check.result.value:<9} {check.name}"
    found = "" if check.result is CheckResult.PASSED else f": {check.found}"
    console.print(printable(line + found), style=_STYLES[check.result], soft_wrap=True)
