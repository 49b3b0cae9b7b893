"""Every figure of a page as a picture, and its data as the page draws them; a page is not trusted."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from simulated_study import (
    ANSWER,
    DESCRIPTION,
    simulated_bank,
    simulated_bins,
    simulated_items,
    simulated_matrix,
)
from typer.testing import CliRunner

from easyhard.cli import app
from easyhard.report import gain_by_distance_table, write_report
from easyhard.report.figures import figures_of, write_figures
from easyhard.schema import InputError

ITEMS = simulated_items(60)
MATRIX = simulated_matrix()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    bank = simulated_bank(ITEMS)
    write_report(
        folder / "report" / "index.html",
        matrix=MATRIX,
        bank=bank,
        bins=simulated_bins(bank),
        items=ITEMS,
        answer=ANSWER,
        description=DESCRIPTION,
    )
    return folder


def test_every_figure_of_the_page_is_found_with_its_words(study: Path) -> None:
    page = (study / "report" / "index.html").read_text()
    found = figures_of(page)
    assert len(found) == page.count('<figure class="drawing"') > 5
    names = [figure.name for figure in found]
    assert len(set(names)) == len(names) and {"distance", "items", "scale", "covariates-1"} <= set(names)
    assert all(figure.words for figure in found)


def test_the_data_are_those_of_the_figure(study: Path) -> None:
    found = {figure.name: figure for figure in figures_of((study / "report" / "index.html").read_text())}
    shown = pl.concat([table for table in found["distance"].data().values() if "seed" in table.columns])
    wanted = gain_by_distance_table(MATRIX).drop_nulls("gain_points")
    assert sorted(shown["gain_points"]) == pytest.approx(sorted(wanted["gain_points"]), abs=1e-3)
    assert found["items"].data()["items"].height == 60


def test_the_command_writes_pictures_and_tables(study: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["figures", str(study), "-o", str(tmp_path / "out"), "--scheme", "dark"])
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    for name in ("distance", "items"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"{name}.svg").read_text().startswith("<svg")
        assert pl.read_parquet(out / f"{name}.parquet").height == pl.read_csv(out / f"{name}.csv").height > 0
    assert "**distance**" in (out / "README.md").read_text()
    CliRunner().invoke(
        app, ["figures", str(study / "report" / "index.html"), "-o", str(tmp_path / "csv"), "--format", "csv"]
    )
    assert {path.suffix for path in (tmp_path / "csv").iterdir()} == {".csv", ".md"}


def test_data_that_a_figure_shares_and_words_by_their_places_are_resolved() -> None:
    first = {"datasets": {"a": {"columns": ["x", "w"], "rows": [[1, 1], [2, 0]], "words": {"w": ["no", "yes"]}}}}
    page = "".join(
        f'<section id="part{n}"><figure class="drawing" aria-label="x"><script type="application/json">'
        f"{json.dumps(spec)}</script></figure></section>"
        for n, spec in enumerate((first, {"datasets": {"a": None}}))
    )
    one, other = figures_of(page)
    assert one.name == "part0" and other.data()["part1"].rows() == [(1, "yes"), (2, "no")]


def test_a_figure_that_would_fetch_something_is_refused(tmp_path: Path) -> None:
    spec = {"data": {"url": "http://127.0.0.1:9/secret.csv"}, "mark": "point", "datasets": {}}
    page = f'<section id="../up"><figure class="drawing"><script>{json.dumps(spec)}</script></figure></section>'
    (figure,) = figures_of(page)
    assert figure.name == "up"
    with pytest.raises(InputError, match="cannot be drawn"):
        write_figures(tmp_path, [figure], ["svg"])


def test_no_report_and_no_figure_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no figure"):
        figures_of("<p>nothing</p>")
    failed = CliRunner().invoke(app, ["figures", str(tmp_path), "-o", str(tmp_path / "out")])
    assert isinstance(failed.exception, InputError) and "Write the report first" in str(failed.exception)
