"""Pictures of calibrations: items and models on one scale, for tables of responses at hand.

Run: python tools/make_gallery.py NAME=RESPONSES ... --column respondent=model -o docs/gallery
"""

from __future__ import annotations

import argparse
from pathlib import Path

import easyhard
from easyhard.cli.common import mapping
from easyhard.report.export import save_chart
from easyhard.report.scale import wright_map
from easyhard.report.theme import PALETTES


def main() -> None:
    """Calibrate each table by Rasch and draw it, light and dark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", help="NAME=RESPONSES: what to call a table, and its file.")
    parser.add_argument("--column", action="append", help="What the files call a column, as in easyhard ingest.")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, path in mapping(given.tables).items():
        bank = easyhard.calibrate(easyhard.read_responses(path, mapping(given.column)))
        calibration = bank.calibration
        print(f"{name}: {calibration.n_respondents:,} respondents, {calibration.n_items:,} items", flush=True)
        for scheme in PALETTES:
            save_chart(wright_map(bank), given.out / f"{name}-{scheme}.png", scheme=scheme, scale=1.5)


if __name__ == "__main__":
    main()
