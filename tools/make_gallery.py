"""Reports of calibrations as pictures, light and dark: the whole page, and items and models on one scale.

Run: python tools/make_gallery.py NAME=RESPONSES ... --items NAME=ITEMS --column respondent=model -o docs/gallery
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import easyhard
from easyhard.benchmarks.item_table import read_items
from easyhard.bins import make_bins
from easyhard.cli.common import mapping
from easyhard.report import StudyDescription, write_calibration_report
from easyhard.report.export import save_chart
from easyhard.report.scale import wright_map
from easyhard.report.theme import PALETTES
from easyhard.schema import ItemBank, Items

WIDTH, HEIGHT = 1200, 2400  # pixels of a picture: what a reader sees before the list of items


def main() -> None:
    """Calibrate each table by Rasch, write its report, and photograph it in both schemes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", help="NAME=RESPONSES: what to call a table, and its file.")
    parser.add_argument("--items", action="append", help="NAME=ITEMS: the texts and covariates of a table's items.")
    parser.add_argument("--column", action="append", help="What the files call a column, as in easyhard ingest.")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    texts = mapping(given.items)
    with browser() as chromium, tempfile.TemporaryDirectory() as temporary:
        for name, path in mapping(given.tables).items():
            bank = easyhard.calibrate(easyhard.read_responses(path, mapping(given.column)))
            items = read_items(Path(texts[name])) if name in texts else None
            page = report(name, bank, items, Path(temporary))
            for scheme in PALETTES:
                save_chart(wright_map(bank), given.out / f"{name}-{scheme}.png", scheme=scheme, scale=1.5)
                photograph(chromium, page, scheme, given.out / f"{name}-report-{scheme}.png")
            print(
                f"{name}: {bank.calibration.n_respondents:,} respondents, {bank.calibration.n_items:,} items",
                flush=True,
            )


def report(name: str, bank: ItemBank, items: Items | None, folder: Path) -> Path:
    """The page of a calibration; items without a difficulty, and difficulties without an item, are left out."""
    page = folder / f"{name}.html"
    calibration = bank.calibration
    description = StudyDescription(
        title=f"{name}: how hard its items are",
        facts=(("respondents", f"{calibration.n_respondents:,}"), ("items", f"{calibration.n_items:,}")),
        steps=(f"A {calibration.model} model by marginal maximum likelihood. {calibration.convergence}",),
    )
    known = None
    if items is not None:
        both = set(bank.table["item"])
        known = items.select([item for item in items.table["item"] if item in both])
    write_calibration_report(page, bank, make_bins(bank), known, description)
    return page


@contextmanager
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


def photograph(chromium: Any, page: Path, scheme: str, out: Path) -> None:
    """The page as a reader sees it when all figures are drawn, from its top."""
    shown = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    shown.goto(page.as_uri())
    shown.wait_for_selector("html[data-drawn]", state="attached", timeout=300_000)
    shown.screenshot(path=out)
    shown.close()


if __name__ == "__main__":
    main()
