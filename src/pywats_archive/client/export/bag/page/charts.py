"""Charts as inline SVG: bars over time, and a stacked bar for each converter. Colours come from the page's style."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from pywats_archive.client.export.bag.page.figures import GROUPS, Bar

_WIDTH, _HEIGHT = 720, 150


def over_time(found: Sequence[Bar]) -> str:
    """Return the chart of entries over time; each bar has its numbers as a title."""
    most = max((sum(bar.counts.values()) for bar in found), default=0)
    if not most:
        return ""
    step = _WIDTH / len(found)
    marks = "".join(_bar(bar, at * step, step, _HEIGHT / most) for at, bar in enumerate(found))
    label = f"Entries over time, from {found[0].first} to {found[-1].last}; at most {most:,} in a bar"
    axis = (
        f'<text x="0" y="{_HEIGHT + 16}">{found[0].first}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" text-anchor="end">{found[-1].last}</text>'
        f'<line x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"/>'
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img" aria-label="{escape(label)}">{marks}{axis}</svg>'


def _bar(bar: Bar, x: float, step: float, scale: float) -> str:
    days = f"{bar.first}" if bar.first == bar.last else f"{bar.first} to {bar.last}"
    said = ", ".join(f"{bar.counts[group]:,} {group}" for group in GROUPS if bar.counts[group]) or "none"
    return f"<g><title>{days}: {said}</title>{''.join(_stack(bar.counts, x, step, scale))}</g>"


def _stack(counts: Counter[str], x: float, step: float, scale: float) -> Iterator[str]:
    y, width = float(_HEIGHT), max(step - 1, 0.5)
    for group in GROUPS:
        height = counts[group] * scale
        if height:
            y -= height
            size = f'width="{width:.2f}" height="{height:.2f}"'
            yield f'<rect class="{group}" x="{x:.2f}" y="{y:.2f}" {size}/>'


def share(counts: Counter[str], most: int) -> str:
    """Return a bar of one row of a table, as long as its number compared with the greatest one."""
    x, parts = 0.0, []
    for group in GROUPS:
        width = 200 * counts[group] / most
        if width:
            parts.append(f'<rect class="{group}" x="{x:.2f}" y="0" width="{width:.2f}" height="12"/>')
            x += width
    return f'<svg class="share" viewBox="0 0 200 12" aria-hidden="true">{"".join(parts)}</svg>'
