"""``report.html``, written piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice
from typing import Any

from pywats_archive.client.export.bag.page import charts
from pywats_archive.client.export.bag.page.figures import GROUPS, Figures, bars
from pywats_archive.client.export.bag.work import Line
from pywats_archive.words.sizes import human_size
from pywats_archive.words.text import printable

MOST_ROWS = 5_000
"""Entries that the page lists; ``manifest.csv`` has all."""
_STYLE = """
:root{--ink:#1b1f24;--dim:#59636e;--line:#d1d9e0;--passed:#1a7f37;--failed:#cf222e;--unknown:#8c959f}
*{box-sizing:border-box}body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);margin:2rem auto;
max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}.dim{color:var(--dim)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem;margin:1.5rem 0}
dl div{border-top:2px solid var(--line);padding-top:.4rem}dt{color:var(--dim)}dd{margin:0;font-size:1.35rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;
border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{color:var(--dim);font-weight:600}td.n,th.n{text-align:right}
svg{width:100%;height:auto}svg text{fill:var(--dim);font-size:12px}svg line{stroke:var(--line)}
svg.share{width:200px;height:12px}
.passed{fill:var(--passed)}.failed{fill:var(--failed)}.unknown{fill:var(--unknown)}td.passed{color:var(--passed)}
td.failed{color:var(--failed)}.key svg{width:.8rem;height:.8rem;vertical-align:-.05rem}
code{font-size:.85em;overflow-wrap:anywhere}
@media print{@page{margin:15mm}body{margin:0;max-width:none;font-size:10pt}h2{break-after:avoid}
tr,svg,dl div{break-inside:avoid}
thead{display:table-header-group}svg rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(head: dict[str, Any], figures: Figures, lines: Iterable[Line]) -> Iterator[bytes]:
    """Stream the page."""
    for piece in (*_top(head), _figures(figures), _chart(figures), _converters(figures), _statuses(figures)):
        yield piece.encode("utf-8", "replace")
    yield from (piece.encode("utf-8", "replace") for piece in _entries(figures, lines))
    yield _end(head).encode("utf-8", "replace")


def _top(head: dict[str, Any]) -> Iterator[str]:
    title = f"Export {head['name']}"
    yield (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>{_STYLE}</style></head><body>"
    )
    archives = ", ".join(each["uuid"] for each in head["archives"])
    yield f"<h1>{_text(title)}</h1><p class=dim>Made {_moment(head['made_at'])} by {_text(head['made_by'])} "
    yield f"with {_text(head['program'])}; archive {_text(archives)}</p>"
    chosen = "; ".join(f"{_text(name.replace('_', ' '))}: {_text(value)}" for name, value in head["chosen"].items())
    yield f"<p class=dim>Chosen: {chosen or 'all entries'}. {_content(head)}</p>"


def _content(head: dict[str, Any]) -> str:
    left_out = [name for name in ("sources", "reports") if not head[name]]
    return f"Without the bytes of {' and '.join(left_out)}." if left_out else "With sources and reports."


def _figures(figures: Figures) -> str:
    known = sum(counts["passed"] + counts["failed"] for counts in figures.converters.values())
    passed = sum(counts["passed"] for counts in figures.converters.values())
    pairs = [
        ("Entries", f"{figures.entries:,}"),
        ("Reports", f"{figures.reports:,}"),
        ("Units passed", f"{100 * passed / known:.1f} %" if known else "-"),
        ("Conversions failed", f"{figures.statuses['FAILED']:,}"),
        ("Files", f"{figures.files:,}"),
        ("Size", human_size(figures.size_bytes)),
    ]
    if figures.purged:
        pairs.append(("Purged", f"{figures.purged:,}"))
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs) + "</dl>"


def _chart(figures: Figures) -> str:
    keys = "".join(
        f'<span class=key><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{each}" width="10" height="10"/></svg>'
        f" {each}&ensp;</span>"
        for each in GROUPS
    )
    return f"<h2>Units by day</h2>{charts.over_time(bars(figures.days))}<p class=dim>{keys}</p>"


def _converters(figures: Figures) -> str:
    most = max((sum(counts.values()) for counts in figures.converters.values()), default=1)
    rows = "".join(
        f"<tr><td>{_text(name)}</td>{''.join(f'<td class=n>{counts[each]:,}</td>' for each in GROUPS)}"
        f"<td>{charts.share(counts, most)}</td></tr>"
        for name, counts in sorted(figures.converters.items())
    )
    heads = "".join(f"<th class=n>{each}</th>" for each in GROUPS)
    return f"<h2>Converters</h2><table><thead><tr><th>converter</th>{heads}<th></th></tr></thead><tbody>{rows}</tbody></table>"


def _statuses(figures: Figures) -> str:
    counts = ", ".join(f"{number:,} {_text(status.lower())}" for status, number in figures.statuses.most_common())
    return f"<h2>Conversions</h2><p>{counts or 'none'}</p>"


def _entries(figures: Figures, lines: Iterable[Line]) -> Iterator[str]:
    yield "<h2>Entries</h2>"
    if figures.entries > MOST_ROWS:
        yield f"<p class=dim>The first {MOST_ROWS:,} of {figures.entries:,}; manifest.csv has all.</p>"
    heads = "".join(
        f"<th>{each}</th>" for each in ("time (UTC)", "serial number", "part", "converter", "result", "entry")
    )
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    yield from (_entry(line["row"]) for line in islice(lines, MOST_ROWS))
    yield "</tbody></table>"


def _entry(row: dict[str, Any]) -> str:
    result = row["result"] or row["conversion_status"]
    group = "passed" if result in ("PASSED", "DONE") else "failed" if row["result"] else "unknown"
    error = f"<br><span class=dim>{_text(row['conversion_error'][:200])}</span>" if row["conversion_error"] else ""
    return (
        f"<tr><td>{_moment(row['conversion_timestamp'])}</td><td>{_text(row['serial_number'])}</td>"
        f"<td>{_text(row['part_number'])}</td><td>{_text(row['converter_name'])}</td>"
        f'<td class="{group}">{_text(result.lower())}{error}</td><td><code>{_text(row["archive_id"])}</code></td></tr>\n'
    )


def _end(head: dict[str, Any]) -> str:
    heads = "".join(
        f"<li>archive <code>{_text(each['uuid'])}</code>: event {each['sequence']:,}, <code>{_text(each['hash'])}</code></li>"
        for each in head["archives"]
        if each["hash"]
    )
    return (
        "<h2>Proof</h2><p>README.txt says how to check every file of this export with <code>sha256sum</code>. "
        f"The newest events of the histories when it was made:</p><ul>{heads}</ul></body></html>\n"
    )


def _text(value: object) -> str:
    return "" if value is None else escape(printable(str(value)))


def _moment(text: str) -> str:
    return _text(text[:19].replace("T", " "))
