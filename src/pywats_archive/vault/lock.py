"""The lock of an object in an S3 bucket (Object Lock), which obstore does not read."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_VALID = timedelta(minutes=1)
_PATIENCE_S = 30.0
_UNTIL = "x-amz-object-lock-retain-until-date"


def lock_of(store: ObjectStore, path: str, *, ca_file: str = "") -> datetime | None:
    """Return the end of the lock of an object; None if there is none, or if the server does not say."""
    import obstore  # noqa: PLC0415 (an extra that few stations need)

    if not isinstance(store, obstore.store.S3Store):
        return None
    trust = ssl.create_default_context()
    try:
        if ca_file:
            trust.load_verify_locations(ca_file)
        signed = Request(obstore.sign(store, "HEAD", path, _VALID), method="HEAD")  # noqa: S310 (the vault's own address)
        with urlopen(signed, timeout=_PATIENCE_S, context=trust) as answer:  # noqa: S310
            until = answer.headers.get(_UNTIL)
        return datetime.fromisoformat(until.replace("Z", "+00:00")) if until else None
    except (OSError, ValueError):  # only a remark of ``doctor`` depends on it
        return None
