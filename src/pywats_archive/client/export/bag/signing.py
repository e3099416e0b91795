"""The signature of a bag and of the histories that it comes from, as ``openssl`` alone can check them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.anchors import making
from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.signing import KEY_FILE, Signer, load_signer
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError

SIGNATURE, KEY, ANCHORS = "tagmanifest-sha256.sig", "public-key.pem", "anchors"
_README = """\
4. They were signed with the key of the station. {key} must be the key that you had from the
   station earlier (public-key-{id}.pem in its archive):

    openssl pkeyutl -verify -pubin -inkey {key} -rawin -in tagmanifest-sha256.txt -sigfile {signature}

5. The newest event of each history was signed with it too. At the station, 'pywats-archive verify --anchor FILE'
   compares its archive with the .anchor file, or with the .log of all earlier ones. An archive that imported the
   bag has a history of its own. To check the signature:

{anchors}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """The key of a station, with what it signed of each archive."""

    signer: Signer
    anchors: tuple[tuple[Archive, Anchor], ...]

    def files(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Yield the names and contents of the key and the anchors."""
        yield KEY, [self.signer.public_key_pem.encode("ascii")]
        for archive, anchor in self.anchors:
            name = f"{ANCHORS}/{anchor.archive_uuid}"
            yield f"{name}.anchor", [f"{anchor.line}\n".encode("ascii")]
            yield f"{name}.txt", [anchor.signed]
            yield f"{name}.sig", [anchor.signature]
            yield f"{name}.log", (f"{each.line}\n".encode("ascii") for each in making.anchors_of(archive))

    def readme(self) -> str:
        """Return how to check the signatures."""
        commands = "".join(_command(anchor.archive_uuid) for _, anchor in self.anchors)
        return _README.format(key=KEY, signature=SIGNATURE, id=self.signer.key_id, anchors=commands)


def _command(uuid: str) -> str:
    return f"    openssl pkeyutl -verify -pubin -inkey {KEY} -rawin -in {ANCHORS}/{uuid}.txt -sigfile {ANCHORS}/{uuid}.sig\n"


def signing(archives: Sequence[Archive], config: Path | None, *, actor: str) -> Signing | str:
    """Sign the heads of the histories with the key beside a configuration; returns the reason if no key can be used."""
    if config is None:
        return "the signing key lies beside a configuration; name it with --config"
    if not (config.parent / KEY_FILE).exists():
        return f"{config.parent / KEY_FILE}: there is no key yet; the service makes it, and so does 'pywats-archive anchor'"
    try:
        signer = load_signer(config.parent, create=False)
        anchors = tuple((each, making.make(each, signer, actor=actor).anchor) for each in archives)
    except ArchiveError as exc:
        return str(exc)
    return Signing(signer=signer, anchors=anchors)
