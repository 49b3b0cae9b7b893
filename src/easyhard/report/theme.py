"""How figures look: one Vega configuration for a light page and one for a dark page.

A figure names what a mark is (``style="zero-line"``), never its colour; the scheme it is drawn in supplies
that. So one chart serves both schemes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Scheme = Literal["light", "dark"]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one scheme. ``ink`` is text, ``quiet`` secondary text, ``line`` rules and grids."""

    paper: str
    ink: str
    quiet: str
    line: str
    surface: str  # filled areas without a value, such as the zero-shot row
    strong_label: str  # text on the ends of the diverging scale
    accent: str
    diverging: tuple[str, ...]  # loss to gain; the middle is no change
    sequential: tuple[str, ...]  # low to high
    bins: tuple[str, ...]  # easiest to hardest
    models: tuple[str, ...]  # told apart by hue and by lightness


# Orange and blue stay apart under every common colour-vision deficiency; both ends are equally dark or light.
PALETTES: dict[Scheme, Palette] = {
    "light": Palette(
        paper="#ffffff",
        ink="#1d1f23",
        quiet="#676b73",
        line="#dcdee2",
        surface="#f0f1f3",
        strong_label="#ffffff",
        accent="#2b6a9e",
        diverging=("#7a2c0d", "#b95f31", "#edc4a9", "#f4f3f1", "#a9c8de", "#2f74a8", "#0e3f69"),
        sequential=("#f1f3ee", "#c9ddd1", "#82b5a4", "#38817a", "#195560", "#103846"),
        bins=("#7ab8a5", "#4a9c9c", "#357d94", "#355c88", "#403a72", "#3c1e55"),
        models=("#2b6a9e", "#c2611f", "#5d7a34", "#7d4f96", "#9c7a1c", "#4e5560"),
    ),
    "dark": Palette(
        paper="#16181c",
        ink="#e9eaec",
        quiet="#9ca1ab",
        line="#363a41",
        surface="#25282e",
        strong_label="#101216",
        accent="#79b5e3",
        diverging=("#fcbf97", "#c07547", "#5d3c2c", "#26292e", "#27455c", "#4389bd", "#a3d4f7"),
        sequential=("#23282b", "#253e47", "#2a5a64", "#3d8382", "#7cbba8", "#d3f0dc"),
        bins=("#e2f0c4", "#a6d8b4", "#69b9ae", "#4a94a8", "#536fa6", "#6a4c93"),
        models=("#79b5e3", "#eb9d66", "#a5c678", "#c79be0", "#dfc067", "#b3b9c2"),
    ),
}


def config(scheme: Scheme) -> dict[str, Any]:
    """Vega-Lite configuration of ``scheme``: fonts, axes, named colour ranges and named mark styles."""
    palette = PALETTES[scheme]
    return {
        "background": "transparent",
        "font": FONT,
        "aria": False,  # a figure carries one text; a thousand labels would be read out one by one
        "view": {"stroke": None},
        "concat": {"spacing": 40},
        "facet": {"spacing": 36},
        **_guides(palette),
        "range": {
            "diverging": {"scheme": list(palette.diverging)},
            "heatmap": {"scheme": list(palette.sequential)},
            "ordinal": {"scheme": list(palette.bins)},
            "category": list(palette.models),
        },
        "style": _styles(palette),
    }


def _guides(palette: Palette) -> dict[str, Any]:
    label = {"labelColor": palette.quiet, "labelFontSize": 12}
    title = {"titleColor": palette.ink, "titleFontSize": 12.5, "titleFontWeight": 500}
    return {
        "axis": {
            **label,
            **title,
            "domain": False,
            "ticks": False,
            "labelPadding": 7,
            "titlePadding": 12,
            "gridColor": palette.line,
            "gridOpacity": 0.7,
        },
        "axisX": {"labelFlush": False},
        "axisBand": {"grid": False},
        "legend": {
            **label,
            **title,
            "gradientThickness": 8,
            "gradientStrokeColor": "transparent",
            "titleFontWeight": 400,
            "titleColor": palette.quiet,
        },
        "header": {
            "labelColor": palette.ink,
            "labelFontSize": 14,
            "labelFontWeight": 600,
            "labelAnchor": "start",
            "labelPadding": 14,
            "title": None,
        },
        "title": {"color": palette.ink, "fontSize": 14, "fontWeight": 600, "anchor": "start", "offset": 12},
    }


def _styles(palette: Palette) -> dict[str, Any]:
    cell_text = {"fontSize": 14, "baseline": "middle", "align": "center"}
    return {
        "zero-shot-cell": {"color": palette.surface},
        "zero-shot-label": {**cell_text, "color": palette.quiet},
        "cell-label": {**cell_text, "color": palette.ink, "fontWeight": 600},
        "cell-label-strong": {**cell_text, "color": palette.strong_label, "fontWeight": 600},
        "cell-label-light": {**cell_text, "color": palette.ink},
        "cell-label-light-strong": {**cell_text, "color": palette.strong_label},
        "cell-label-muted": {**cell_text, "color": palette.quiet, "fontSize": 13},
        "no-value": {**cell_text, "color": palette.quiet, "fontSize": 11, "fontStyle": "italic"},
        "hatch": {"color": palette.quiet, "filled": False, "strokeWidth": 1, "strokeOpacity": 0.5},
        "own-items": {"color": palette.ink, "filled": False, "strokeWidth": 1.25, "strokeDash": [3, 2]},
        "zero-line": {"color": palette.quiet, "strokeWidth": 1},
        "interval": {"color": palette.ink, "strokeWidth": 2},
        "mean": {"color": palette.ink, "filled": True, "opacity": 1},
        "mean-line": {"color": palette.ink, "strokeWidth": 1, "strokeOpacity": 0.35},
        "one-run": {"color": palette.accent, "filled": True, "opacity": 0.55},
        "one-item": {"color": palette.accent, "filled": True, "opacity": 0.5},
        "item-bar": {"color": palette.accent, "strokeWidth": 1, "opacity": 0.3},
        "own-bin": {"color": palette.quiet, "filled": False, "strokeWidth": 1},
        "median": {"color": palette.ink},
    }
