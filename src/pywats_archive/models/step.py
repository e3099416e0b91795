"""The seam through which every durable step passes, so that a test can make step *k* fail or crash."""

from __future__ import annotations

from collections.abc import Callable

OnStep = Callable[[str], None]
"""Called with the name of a step (open, write, fsync, publish, fsync_folder, commit, …) just before it is made;
what it raises is what the step failed with."""


def no_step(name: str) -> None:
    """Let every step pass."""
