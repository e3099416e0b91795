"""The part of the client that checks archives, and signs their histories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.oversight import StationReader
from pywats_archive.errors import ArchiveError, UsageError

if TYPE_CHECKING:
    from pywats_archive.archive.core import Archive
    from pywats_archive.models.operation.integrity import Anchored, Checked, Thoroughness


class Proof(StationReader):
    """Checks archives; signs with the key beside the configuration."""

    def verify(
        self,
        thoroughness: Thoroughness | None = None,
        *,
        anchors: Sequence[Path | str] = (),
        tsa_certificates: Sequence[Path | str] = (),
    ) -> Iterator[Checked]:
        """Check every archive, also beside a running service; yield each file that was checked.

        A fault is in ``problem``; nothing is changed, and a damaged blob does not stop the check. The history is compared with
        the anchors in ``anchors`` (files and folders) and in the configured folders, and with the newest event in the vault, if
        the configuration names one. Time stamps must be signed by one of the authorities in ``tsa_certificates`` (PEM files;
        default: those of the configuration), if any is named.
        """
        from pywats_archive.archive.anchors.anchor import key_id
        from pywats_archive.archive.anchors.signing import filed_keys
        from pywats_archive.host.settings.foldernames import read_anchor_folders
        from pywats_archive.host.settings.groups import read_time_stamp_config
        from pywats_archive.integrity.anchors import AnchorPlaces
        from pywats_archive.models.operation.integrity import Thoroughness

        authorities = tuple(arguments.path(each, "tsa_certificates") for each in tsa_certificates)
        configured: tuple[Path, ...] = ()
        if self._station:
            configured = read_anchor_folders(self._station.path)
            stamps = read_time_stamp_config(self._station.path)
            authorities = authorities or tuple(map(Path, filter(None, [stamps.time_stamp_certificates])))
        places = AnchorPlaces(
            named=tuple(arguments.path(each, "anchors") for each in anchors),
            configured=configured,
            certificates=authorities,
            others=self._unused(),
            keys=frozenset(map(key_id, filed_keys(self._station.path.parent))) if self._station else frozenset(),
        )
        yield from self._archives.verify(thoroughness or Thoroughness(), places, self._compared_with_vault)

    def _compared_with_vault(self, archive: Archive) -> Iterator[Checked]:
        """Compare a history with the vault, if the configuration names one; yield a note if the vault cannot be used."""
        from pywats_archive.host.settings.groups import read_vault_settings
        from pywats_archive.models.operation.integrity import Checked
        from pywats_archive.replication.comparing import compare
        from pywats_archive.vault.opening import open_vault

        try:
            settings = read_vault_settings(self._station.path) if self._station else None
            vault = open_vault(settings) if settings and settings.vault_url else None
        except ArchiveError as exc:
            yield Checked(note=f"{archive.root}: its history was not compared with the vault: {exc}")
        else:
            yield from compare(archive, vault) if vault else ()

    def _unused(self) -> frozenset[str]:
        """Return the uuids of archives that only disabled converters use, or that are damaged."""
        from pywats_archive.archive.folder.description import read_description

        found = set[str]()
        for root in self._station.archive_roots(even_unused=True) if self._station else ():
            with suppress(ArchiveError):
                if described := read_description(root):
                    found.add(described.archive_uuid)
        return frozenset(found)

    def anchor(
        self,
        archive: Path | str | None = None,
        *,
        actor: str | None = None,
        ask_passphrase: Callable[[], str | None] = lambda: None,
    ) -> tuple[Anchored, ...]:
        """Sign the newest event of each archive, or of one; write the anchors into the archives and the configured folders.

        UsageError without a configuration, ConfigError if its signing key cannot be used. ``ask_passphrase`` is called for an
        encrypted key whose passphrase is not in the environment.
        """
        from pywats_archive.archive.anchors.making import make
        from pywats_archive.archive.anchors.signing import load_signer
        from pywats_archive.host.settings.foldernames import read_anchor_folders
        from pywats_archive.models.operation.integrity import Anchored

        if self._station is None:
            raise UsageError("anchor: the signing key lies beside a configuration; name it with --config")
        chosen = {arguments.path(archive, "archive").absolute()} if archive is not None else set(self.roots)
        if missing := chosen - set(self.roots):
            raise UsageError(f"{min(missing)}: is no archive of {self._station.path}; name one of its archives")
        signer = load_signer(self._station.path.parent, ask=ask_passphrase)
        folders, done = read_anchor_folders(self._station.path), []
        for each in (found for found in self._archives.all if found.root in chosen):
            made = make(each, signer, folders=folders, actor=actor or self.actor)
            done.append(
                Anchored(
                    archive=str(each.root),
                    event=made.anchor.event,
                    hash=made.anchor.hash,
                    at=made.anchor.at,
                    key=made.anchor.key_id,
                    line=made.anchor.line,
                    files=tuple(map(str, made.written)),
                    failures=tuple(failure.reason for failure in made.failures),
                )
            )
        return tuple(done)

    def request_time_stamp(self, archive: Path | str | None = None, *, actor: str | None = None) -> bytes:
        """Sign the newest event of the archive, and return the request (RFC 3161) for a time stamp of that anchor."""
        from pywats_archive.archive.anchors.anchor import anchors_in
        from pywats_archive.archive.anchors.timestamps import query_for

        if archive is None and len(self.roots) != 1:
            raise UsageError("a request is of one archive; name it with archive")
        (made,) = self.anchor(archive, actor=actor)
        (anchor,) = anchors_in(made.line)
        return query_for(anchor).content

    def add_time_stamp(self, answer: bytes, *, roots: Sequence[bytes] = (), actor: str | None = None) -> datetime:
        """Keep the answer of a time stamp authority in the archive whose anchor it is of; return the time that it states.

        ``roots``: certificates (PEM) of authorities that are trusted; without any, the signature is only checked with the
        certificate in the answer.
        """
        from pywats_archive.archive.anchors.timestamps import add_answer

        fault: UsageError = UsageError("there is no archive")
        for each in self._archives.all:
            try:
                return add_answer(each, answer, roots=roots, actor=actor or self.actor).at
            except UsageError as exc:
                fault = exc
        raise fault
