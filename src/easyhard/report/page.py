"""The report: one HTML file that opens offline, asks nothing of the network and trusts no item text."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from easyhard.generalization.scale_coverage import Intended
from easyhard.irt.ability_groups import AbilityGroups
from easyhard.report.item_browser import Browser, item_browser
from easyhard.report.section import Section, SpecWriter
from easyhard.report.sections import advice, calibration_sections, generalization_sections, readings
from easyhard.report.stability import Stability
from easyhard.report.theme import config
from easyhard.report.vega import embedded_json, vega_script
from easyhard.schema import Bins, Check, GeneralizationMatrix, ItemBank, Items


@dataclass(frozen=True, slots=True)
class StudyDescription:
    """What a reader needs to judge and repeat a study.

    ``facts`` are rows of (name, value) in words: model, sizes, seeds, settings, versions, durations, machine.
    ``steps`` says what was done, a sentence or two each; ``settings`` is the study's YAML. ``records`` are rows of
    (step, fingerprint, when it began, seconds); ``cite`` says how to name what was used.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    steps: tuple[str, ...] = ()
    settings: str = ""
    records: tuple[tuple[str, str, str, str], ...] = ()
    cite: tuple[str, ...] = ()


def write_report(
    path: Path,
    *,
    matrix: GeneralizationMatrix,
    bank: ItemBank,
    bins: Bins,
    items: Items | None,
    answer: str,
    description: StudyDescription,
    changes: pl.DataFrame | None = None,
    abilities: pl.DataFrame | None = None,
    groups: AbilityGroups | None = None,
    stability: Stability | None = None,
    intended: Intended | None = None,
) -> None:
    """Write the report of a whole study as one HTML file; ``answer``, two sentences, comes first.

    ``changes`` is what trainings did to each item, as ``generalization.checkpoints.item_changes`` has it, and
    ``abilities`` where the checkpoints are on the scale, as ``checkpoint_abilities`` there does. ``groups`` is how the
    respondents of the calibration answered each item, group by group; without it items have no observed curves.
    ``stability`` is how far another calibration would agree, and ``intended`` difficulties that the items are held
    against.
    """
    _write(
        path,
        description,
        answer=answer,
        key_figures=_key_figures(bank, bins, matrix),
        findings=generalization_sections(matrix),
        readings=readings(matrix),
        advice=advice(matrix),
        checks=tuple(sorted(matrix.checks, key=lambda check: (_URGENCY.index(check.status), check.code))),
        about_items=calibration_sections(bank, bins, items, changes, abilities, stability, intended),
        browser=item_browser(bank, bins, items, groups, changes),
    )


def write_calibration_report(
    path: Path,
    bank: ItemBank,
    bins: Bins | None,
    items: Items | None,
    description: StudyDescription,
    groups: AbilityGroups | None = None,
    stability: Stability | None = None,
    intended: Intended | None = None,
) -> None:
    """Write the report of a study that ends with calibrated (and perhaps binned) items as one HTML file."""
    calibration = bank.calibration
    lead = calibration.ability_mean - float(bank.table["difficulty"].to_numpy().mean())
    answer = (
        f"{calibration.n_respondents:,} respondents gave a difficulty to {calibration.n_items:,} items. "
        f"The respondents' mean ability is {abs(lead):.2f} {calibration.unit} "
        f"{'below' if lead < 0 else 'above'} the mean item, "
        f"their standard deviation {calibration.ability_sd:.2f}."
    )
    _write(
        path,
        description,
        answer=answer,
        key_figures=_key_figures(bank, bins, None),
        findings=(),
        readings=(),
        advice=(),
        checks=(),
        about_items=calibration_sections(bank, bins, items, stability=stability, intended=intended),
        browser=item_browser(bank, bins, items, groups, None),
    )


_SCRIPTS = ("report.js", "curves.js", "items.js")
_URGENCY = ("issue", "tip", "passed", "not applicable")


def _key_figures(bank: ItemBank, bins: Bins | None, matrix: GeneralizationMatrix | None) -> tuple[tuple[str, str], ...]:
    """(name, value) rows of the sizes that the tables themselves show."""
    figures = [("items", f"{len(bank.table):,}"), ("respondents", f"{bank.calibration.n_respondents:,}")]
    if bins is not None:
        figures += [("bins", str(bins.count)), ("held out", f"{100 * bins.held_out:.0f}%")]
    if matrix is not None:
        figures += [(name + "s", str(matrix.runs[name].n_unique())) for name in ("model", "seed")]
    return tuple(figures)


def _write(
    path: Path,
    description: StudyDescription,
    *,
    answer: str,
    key_figures: tuple[tuple[str, str], ...],
    findings: tuple[Section, ...],
    readings: tuple[tuple[str, tuple[str, ...]], ...],
    advice: tuple[tuple[str, tuple[str, ...]], ...],
    checks: tuple[Check, ...],
    about_items: tuple[Section, ...],
    browser: Browser,
) -> None:
    templates = resources.files("easyhard.report") / "templates"
    style = (templates / "report.css").read_text(encoding="utf-8")
    scripts = [vega_script(), *((templates / name).read_text(encoding="utf-8") for name in _SCRIPTS)]
    page = _ENVIRONMENT.get_template("report.html.j2").render(
        description=description,
        answer=answer,
        key_figures=key_figures,
        spec_json=SpecWriter(),
        findings=findings,
        readings=readings,
        advice=advice,
        checks=checks,
        about_items=about_items,
        item_columns=Markup(embedded_json(browser.columns)),
        curves=Markup(embedded_json(browser.curves)) if browser.curves else "",
        curves_note=browser.note,
        schemes=Markup(embedded_json({"light": config("light"), "dark": config("dark")})),
        style=Markup(style),
        style_hash=_source_hash(style),
        scripts=list(map(Markup, scripts)),
        script_hashes=list(map(_source_hash, scripts)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8", newline="\n")


# keep_trailing_newline and no trimming inside the script elements: their text must be what was hashed.
_ENVIRONMENT = Environment(
    loader=PackageLoader("easyhard.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _source_hash(text: str) -> str:
    """Hash of an inline script or style as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
