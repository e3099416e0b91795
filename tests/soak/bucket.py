"""The vault of a siege: a bucket on a server that is killed, behind a proxy that refuses requests and loses answers."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.flaky import FlakyProxy, Trouble
from tests.seaweed import Seaweed, create_bucket

_COUNTED = {
    Trouble.BUSY: "bucket answered 503",
    Trouble.REFUSED: "bucket answered 403",
    Trouble.LOST: "bucket never got it",
    Trouble.ANSWER_LOST: "bucket's answer lost",
}
_KILLED = "bucket killed"
TROUBLES = {*_COUNTED.values(), _KILLED}
_TROUBLED = 0.1
"""Which part of the requests; a segment needs several in a row."""


class Bucket:
    """Runs from entry to exit; what happens to it is counted in ``counts``."""

    def __init__(self, folder: Path, *, rng: random.Random, counts: Counter[str]) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._rng = rng
        self._counts = counts
        self._mutex = threading.Lock()
        self._server = Seaweed(folder)
        self._proxy = FlakyProxy(self._server.endpoint)

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys of the configuration: small segments, so that there are many, and purges that wait for them."""
        settings = self._server.settings(self._folder, "siege", endpoint=self._proxy.address)
        named = ("vault_url", "vault_endpoint", "vault_credentials")
        return {**{name: getattr(settings, name) for name in named}, "vault_segment_mb": 1, "vault_required": True}

    def trouble(self, until_s: float) -> None:
        """Refuse requests, lose answers, and kill the server again and again, until then; unharmed afterwards."""
        self._proxy.plan = self._plan
        while (rest_s := until_s - time.monotonic()) > 0:
            time.sleep(min(rest_s, self._rng.uniform(12, 30)))
            self._server.kill()
            time.sleep(self._rng.uniform(0.2, 2))
            self._server.start()
            self._counts[_KILLED] += 1
        self._proxy.plan = None

    def _plan(self, _method: str, _path: str) -> Trouble | None:
        with self._mutex:
            if self._rng.random() > _TROUBLED:
                return None
            trouble = self._rng.choice(list(Trouble))
            self._counts[_COUNTED[trouble]] += 1
        return trouble

    def __enter__(self) -> Bucket:
        self._server.start()
        create_bucket(self._server, self._folder)
        self._proxy.__enter__()
        return self

    def __exit__(self, *ended: Any) -> None:
        self._proxy.__exit__(*ended)
        self._server.kill()
