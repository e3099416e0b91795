"""Arguments that several verbs of ``reprocess`` share."""

from __future__ import annotations

from typing import Annotated

import typer

RunArgument = Annotated[int, typer.Argument(metavar="RUN", min=1, max=2**63 - 1, help="Number of the run.")]
