"""Charts as pictures, for a README or a paper."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import vl_convert

from easyhard.report.distance import gain_by_distance
from easyhard.report.heat_map import CELL_HEIGHT, heat_map
from easyhard.report.theme import PALETTES, Scheme, config
from easyhard.schema import GeneralizationMatrix, InputError


def save_chart(chart: alt.TopLevelMixin, path: Path, *, scheme: Scheme = "light", scale: float = 2.0) -> None:
    """Write ``chart`` to ``path`` as ``.svg`` or ``.png``, on the paper colour of ``scheme``.

    ``scale`` is pixels per point of a PNG. Raises InputError for another file type.
    """
    look = {**config(scheme), "background": PALETTES[scheme].paper, "padding": 24}
    if path.suffix == ".svg":
        path.write_text(vl_convert.vegalite_to_svg(chart.to_dict(), config=look), encoding="utf-8")
    elif path.suffix == ".png":
        path.write_bytes(vl_convert.vegalite_to_png(chart.to_dict(), config=look, scale=scale))
    else:
        raise InputError(f"{path.name}: a chart is saved as .svg or .png; end the path with one of them.")


def side_by_side(matrix: GeneralizationMatrix) -> alt.HConcatChart:
    """Heat map and gain against distance next to one another: a study of one model in one picture.

    Raises InputError for a matrix of several models.
    """
    models = matrix.cells["model"].n_unique()
    if models != 1:
        raise InputError(f"The matrix has {models} models, not one; save heat_map() and gain_by_distance() apart.")
    rows = matrix.cells["train_bin"].n_unique() + 1
    distance = gain_by_distance(matrix).properties(width=460, height=rows * CELL_HEIGHT)
    return alt.hconcat(heat_map(matrix), distance, spacing=64)
