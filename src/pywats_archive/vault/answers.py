"""Translates errors of obstore, by the server's status and code, into this project's errors."""

from __future__ import annotations

import re

from pywats_archive.errors import KeyMissing, KeyTaken, VaultAway, VaultClockOff, VaultError, VaultRefused

_STATUS = re.compile(r"status code: (\d{3})(?: ([A-Za-z' -]+))?")
_CODE = re.compile(r"<Code>(\w{1,80})</Code>|\"(?:code|reason)\": ?\"(\w{1,80})\"|\(code: (\w{1,80})\)")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_AT_ONCE = {"ConditionalRequestConflict", "OperationAborted"}
"""Two puts of one key at the same moment: S3 asks to try again, and stored neither (AWS, "Conditional writes")."""
_CLOCK = {"RequestTimeTooSkewed"}
_PASSING = {408, 429}
_CHECK = "check the credentials, their rights, vault_region, and the bucket in vault_url"
_UNREACHABLE = (
    ("kind: Timeout", "its server does not answer in time"),
    ("dns error", "the host name of its server is unknown"),
    ("Connection refused", "no server listens there"),
)
_CERTIFICATE = ("invalid peer certificate", "CertificateError", "UnknownIssuer")


def meaning(error: Exception, url: str, key: str) -> VaultError:
    """Return the error that a failed request for ``key`` means; its message says what to do."""
    text = str(error)
    found = _STATUS.search(text)
    status = int(found[1]) if found else 0
    named = _CODE.search(text)
    code = str(named[1] or named[2] or named[3]) if named else ""
    seen = ", ".join(filter(None, [f"{status} {(found[2] or '').strip()}".strip() if found else "", code]))
    if code in _CLOCK:
        return VaultClockOff(f"{url}: the clock of this computer is wrong, and the vault refuses its requests; set it")
    if code in _NO_BUCKET:
        return VaultRefused(f"{url}: there is no such bucket ({code}); check vault_url", code=code)
    if isinstance(error, FileNotFoundError) or status == 404:
        return KeyMissing(f"{url}: has no {key}")
    if status == 501:
        return VaultRefused(f"{url}: the server lacks what a vault needs ({seen}); use another one", code=code)
    if code in _AT_ONCE or status >= 500 or status in _PASSING:
        return VaultAway(f"{url}: answers {seen}; the vault is tried again later")
    if status == 412 or type(error).__name__ == "AlreadyExistsError":
        return KeyTaken(f"{url}: has {key} already; nothing was replaced")
    if seen:
        return VaultRefused(f"{url}: refuses {key} with {seen}; {_CHECK}", code=code)
    return _without_answer(text, url)


def _without_answer(text: str, url: str) -> VaultError:
    if any(each in text for each in _CERTIFICATE):
        return VaultRefused(f"{url}: its certificate is not trusted; name the authority's in vault_ca_file")
    if "BareRedirect" in text:
        return VaultRefused(f"{url}: is in another region; set vault_region")
    reason = next((said for sign, said in _UNREACHABLE if sign in text), "cannot be reached")
    return VaultAway(f"{url}: {reason}; check the network and vault_endpoint; the service tries again")
