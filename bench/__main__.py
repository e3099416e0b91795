"""Run the benchmarks that are named, or all."""

from __future__ import annotations

import argparse

from bench import (
    beside,
    catalog,
    commands,
    encrypted,
    millions,
    pages,
    peers,
    pipeline,
    plant,
    plant_replay,
    replay,
    reports,
    retention,
    sources,
    trust,
    vault,
)
from bench.figures import Board


def main() -> None:
    """Measure, print a line of JSON for each figure, then a table."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "figures", nargs="*", default=list("abcdefghijklmno"), help="a b c d e f g h i j k l m n o (plant)"
    )
    parser.add_argument("--entries", type=int, default=900_000, help="entries of the catalogs in e, g, j and k")
    parser.add_argument("--stations", type=int, default=10, help="stations of the plant in o")
    parser.add_argument(
        "--days", type=int, default=1, help="days whose segments are made in o, before the one that is added"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="entries to which the index is grown in o")
    parser.add_argument("--links", type=int, default=0, help="how often its files are linked for a larger one in o")
    asked = parser.parse_args()
    board = Board()
    for name, measure in {
        "a": sources.many_small,
        "b": sources.one_large,
        "c": pipeline.on_against_off,
        "d": reports.one_report,
    }.items():
        if name in asked.figures:
            measure(board)
    if "a" in asked.figures:
        sources.awaited(board)
        peers.in_groups(board)
        peers.live_beside_a_burst(board)
    if "e" in asked.figures:
        catalog.questions(board, asked.entries)
    if "f" in asked.figures:
        trust.trust(board)
    if "g" in asked.figures:
        retention.retention(board, asked.entries)
    if "h" in asked.figures:
        replay.replays(board)
    if "i" in asked.figures:
        commands.commands(board)
    if "j" in asked.figures:
        pages.pages(board, asked.entries)
        beside.beside_pages(board)
    if "k" in asked.figures:
        millions.millions(board, asked.entries)
    if "l" in asked.figures:
        encrypted.encrypted(board)
    if "m" in asked.figures:
        vault.vault(board)
    if "n" in asked.figures:
        plant_replay.plant_replays(board)
    if {"o", "plant"} & set(asked.figures):
        sizes = plant.Sizes(stations=asked.stations, days=asked.days, rows=asked.rows, links=asked.links)
        plant.plant(board, sizes)
    board.draw()


if __name__ == "__main__":
    main()
