"""What is archived in the benchmarks."""

from __future__ import annotations

import json
import random
from typing import Any


def csv(size_bytes: int, seed: int = 1) -> bytes:
    """Make a CSV log of about ``size_bytes``."""
    rng, lines, size = random.Random(seed), [], 0
    while size < size_bytes:
        value = f"{rng.gauss(100, 5):.6e};9.0e+01;1.1e+02"
        line = (
            f"ANL;1;R{rng.randrange(400)};{rng.randrange(99)};measure resistor R{rng.randrange(400)};PASS;{value};Ohm\n"
        )
        lines.append(line)
        size += len(line)
    return "".join(lines).encode()


def report(size_bytes: int, seed: int = 1) -> bytes:
    """Make a report of about ``size_bytes``."""
    steps: list[dict[str, Any]] = []
    rng, size = random.Random(seed), 0
    while size < size_bytes:
        value = round(rng.gauss(5, 0.1), 5)
        measure = {"compOp": "GELE", "status": "P", "unit": "V", "value": value, "lowLimit": 4.5, "highLimit": 5.5}
        steps.append({"id": len(steps), "stepType": "ET_NLT", "name": f"U{len(steps)}", "numericMeas": [measure]})
        size += len(json.dumps(steps[-1], separators=(",", ":"))) + 1
    fields = {"type": "T", "id": f"{seed:032x}", "pn": "P", "sn": f"S{seed}", "root": {"steps": steps}}
    return json.dumps(fields, separators=(",", ":")).encode()


KINDS = {
    "csv": csv(2_000_000),
    "json": report(500_000),
    "binary": random.Random(3).randbytes(500_000),
}
