"""One page over the reports of several benchmarks: their tests side by side, and a link to each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import polars as pl

from easyhard.study.several import study_place

STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark } table { border-collapse: collapse } th, td { padding: .2rem .8rem .2rem 0;
  text-align: left } td.number { text-align: right; font-variant-numeric: tabular-nums }
  tr { border-bottom: 1px solid #8885 }"""


def comparison_page(table: pl.DataFrame, together: Sequence[str], names: Sequence[str]) -> str:
    """HTML of a comparison, for a folder beside those of its studies. Opens offline; ``table`` as in Comparison."""
    links = "".join(f'<li><a href="../{escape(_report(name), quote=True)}">{escape(name)}</a></li>' for name in names)
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in together)
    columns = "".join(f"<th>{name}</th>" for name in ("benchmark", "model", "test", "points", "95% interval"))
    rows = "".join(_row(row) for row in table.iter_rows(named=True))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Benchmarks side by side</title>'
        f"<style>{STYLE}</style><h1>Benchmarks side by side</h1>{sentences}"
        f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>Report of each</h2><ul>{links}</ul></html>\n"
    )


def _row(row: dict[str, object]) -> str:
    texts = "".join(f"<td>{escape(str(row[name]).replace('_', ' '))}</td>" for name in ("study", "model", "test"))
    interval = f"{_points(row['low'])} to {_points(row['high'])}" if row["low"] is not None else ""
    return f'<tr>{texts}<td class="number">{_points(row["value"])}</td><td class="number">{interval}</td></tr>'


def _points(value: object) -> str:
    """A proportion in points of a hundred, with the minus sign."""
    return f"{100 * value:.1f}".replace("-", "\N{MINUS SIGN}") if isinstance(value, float) else ""


def _report(name: str) -> str:
    return (study_place(name) / "report" / "index.html").as_posix()
