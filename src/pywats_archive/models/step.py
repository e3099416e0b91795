"""The hook that every durable step passes, so that a test can make step *k* fail or crash."""

from __future__ import annotations

from collections.abc import Callable

OnStep = Callable[[str], None]
"""Called with the name of a step (open, write, fsync, publish, fsync_folder, commit, …) just before it.

An exception raised here is the step's failure.
"""


def no_step(name: str) -> None:
    """Let every step pass."""
