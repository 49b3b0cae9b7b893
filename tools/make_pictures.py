"""Draw the pictures of the README and the docs from a finished study: one command, seconds.

    python tools/make_pictures.py easyhard-demo-full

Also keeps the study's report, tables and settings in docs/example/, so that every figure quoted can be looked up.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from easyhard.report import item_map, save_chart, side_by_side
from easyhard.study import analyse, open_study

DOCS = Path(__file__).resolve().parents[1] / "docs"
KEPT = (
    "report/index.html",
    "generalization/matrix.parquet",
    "generalization/cells.parquet",
    "generalization/tests.json",
    "calibration/bank.parquet",
    "bins/bins.parquet",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the folder that a study wrote to")
    folder = parser.parse_args().study
    _, bank, bins, items = open_study(folder)
    matrix, _ = analyse(folder)
    (DOCS / "images").mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        save_chart(side_by_side(matrix), DOCS / "images" / f"demo-{scheme}.png", scheme=scheme)
        save_chart(item_map(bank, bins, items), DOCS / "images" / f"item-map-{scheme}.png", scheme=scheme)
    for name in KEPT:
        target = DOCS / "example" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)
    print(f"pictures in {DOCS / 'images'}, report and tables in {DOCS / 'example'}")


if __name__ == "__main__":
    main()
