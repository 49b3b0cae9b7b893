"""The page: offline, closed by its own policy, and safe with text that nobody vetted."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from simulated_study import (
    ANSWER,
    DESCRIPTION,
    simulated_abilities,
    simulated_bank,
    simulated_bins,
    simulated_changes,
    simulated_items,
    simulated_matrix,
    simulated_responses,
)

from easyhard.irt.ability_groups import ability_groups
from easyhard.report import StudyDescription, heat_map, write_calibration_report, write_report
from easyhard.report.section import SpecWriter
from easyhard.report.vega import compact
from easyhard.schema import Check, Items

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "\"'><img src=x onerror='window.hacked = 1'>",
    "<!--<script>",
    "\u202egnp.exe\u202c and \u2067back\u2069",
    "NUL\x00 bell\x07 escape\x1b[31m",
    "x" * 100_000,
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "\u2028\u2029 line ends of scripts",
)


class Page(HTMLParser):
    """Elements, attributes and the text of scripts and styles of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.data: list[str] = []
        self.styles: list[str] = []
        self.visible: list[str] = []
        self._into = self.visible
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self._into = self.data if ("type", "application/json") in attrs else self.scripts
        elif tag == "style":
            self._into = self.styles

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._into = self.visible

    def handle_data(self, data: str) -> None:
        self._into.append(data)


def hostile_items(n: int = 60) -> Items:
    items = simulated_items(n)
    texts = [HOSTILE[index % len(HOSTILE)] for index in range(n)]
    return replace(items, table=items.table.with_columns(question=pl.Series(texts), family=pl.Series(texts)))


def report(
    path: Path,
    items: Items,
    model: str = "Simulated-1B",
    description: StudyDescription = DESCRIPTION,
    count: int = 5,
    own_items: bool = False,
) -> str:
    bank = simulated_bank(items)
    bins = simulated_bins(bank, count)
    matrix = simulated_matrix(count, models=(model,), own_items=own_items)
    write_report(
        path,
        matrix=replace(matrix, checks=(*matrix.checks, Check("EH099", model, "issue", model, model))),
        bank=bank,
        bins=bins,
        items=items,
        answer=ANSWER + model,
        description=description,
        changes=simulated_changes(bins, model),
        abilities=simulated_abilities(bins, (model,)),
        groups=ability_groups(simulated_responses(bank), bank),
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(tmp_path_factory.mktemp("report") / "index.html", simulated_items(200))


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    page = Page(text)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    loading = {"src", "href", "srcset", "data", "action", "poster", "background", "style"}
    assert not [name for name, _ in page.attributes if name in loading or name.startswith("on")]
    assert not re.search(r"url\(|@import", "".join(page.styles))


def test_the_policy_allows_exactly_the_page_s_own_scripts_and_style(text: str) -> None:
    page = Page(text)
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in str(value))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["script-src"].split() == [_source_hash(script) for script in page.scripts]
    assert parts["style-src"].split() == [_source_hash(style) for style in page.styles]


def _source_hash(code: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() + "'"


def test_the_answer_comes_before_every_figure(text: str) -> None:
    assert text.index("helped bins near it most") < text.index("<figure")
    names = re.findall(r'<section id="(\w+)"', text)
    assert names == [
        "gains",
        "distance",
        "profiles",
        "tests",
        "checks",
        "scale",
        "information",
        "covariates",
        "items",
        "protocol",
        "terms",
    ]


def test_every_figure_has_a_description_and_a_table(text: str) -> None:
    page = Page(text)
    figures = page.tags.count("figure")
    assert (
        figures == 14
    )  # heat map (3 measures), distance, profiles (2), scale, information (2), 4 covariates, item map
    assert len(re.findall(r'<figure[^>]* role="img" aria-label="[^"]{40,}"', text)) == figures
    assert page.tags.count("details") == 7  # the covariates share one
    assert page.tags.count("table") == 8  # one in each of these, and that of the item browser
    assert all(json.loads(data) for data in page.data)


def test_a_covariate_may_be_named_like_a_column_of_ours(tmp_path: Path) -> None:
    items = simulated_items(40)
    table = items.table.with_columns(difficulty=pl.lit("grade 4"), flag=pl.lit(1.5), split=pl.lit(True))
    named = replace(items, table=table, covariates=("difficulty", "flag", "split"))
    assert "grade 4" in report(tmp_path / "index.html", named)


def test_issues_come_first_among_the_checks(text: str) -> None:
    statuses = re.findall(r'<li class="(issue|tip|passed|not-applicable)"', text)
    assert statuses == ["issue", "issue", "tip", "passed", "passed", "not-applicable"]


def test_hostile_text_stays_text(tmp_path: Path, text: str) -> None:
    model = HOSTILE[0] + HOSTILE[1]
    description = replace(DESCRIPTION, title=model, facts=((model, model),), steps=(model,))
    attacked = Page(report(tmp_path / "index.html", hostile_items(), model, description))
    calm = Page(text)
    assert attacked.tags.count("script") == calm.tags.count("script")
    assert "img" not in attacked.tags
    assert attacked.scripts == calm.scripts
    assert not [name for name, _ in attacked.attributes if name.startswith("on")]
    assert not re.search("[\x00\x07\x1b\u202a-\u202e\u2066-\u2069]", "".join(attacked.visible))
    assert "{{ 7 * 7 }}" in "".join(attacked.visible)
    assert not re.search("[<>\u2028\u2029]", "".join(attacked.data))


def test_long_lines_and_many_items_keep_the_page_small(tmp_path: Path) -> None:
    report(tmp_path / "index.html", simulated_items(1000))
    assert (tmp_path / "index.html").stat().st_size < 5_000_000
    report(tmp_path / "hostile.html", hostile_items(1000))
    assert (tmp_path / "hostile.html").stat().st_size < 5_000_000


def test_the_same_study_gives_the_same_page(tmp_path: Path, text: str) -> None:
    assert report(tmp_path / "again" / "index.html", simulated_items(200)) == text


def test_a_study_may_end_with_calibrated_items(tmp_path: Path) -> None:
    items = simulated_items(80)
    bank = simulated_bank(items)
    path = tmp_path / "index.html"
    write_calibration_report(path, bank, simulated_bins(bank), items, DESCRIPTION)
    names = re.findall(r'<section id="(\w+)"', path.read_text(encoding="utf-8"))
    assert names == ["scale", "information", "covariates", "items", "protocol", "terms"]
    write_calibration_report(path, bank, None, None, StudyDescription("Bare"))
    page = path.read_text(encoding="utf-8")
    assert Page(page).tags.count("figure") == 3  # the scale, what items tell, and the items
    assert "60 respondents gave a difficulty to 80 items." in page
    assert "from easiest to hardest, in logits; 0 is the mean item." in page


def test_a_scale_with_another_origin_and_unit_is_said_to_have_them(tmp_path: Path) -> None:
    bank = simulated_bank(simulated_items(80))
    moved = bank.table.with_columns(pl.col("difficulty") + 0.5)
    other = replace(bank, table=moved, calibration=replace(bank.calibration, model="2pl"))
    write_calibration_report(tmp_path / "index.html", other, None, None, DESCRIPTION)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "from easiest to hardest, in ability sd; the mean item is at +0.50." in page
    assert "mean ability is 0.30 ability sd below the mean item" in page


def test_data_of_several_figures_stand_in_the_page_once_and_words_as_places() -> None:
    matrix = simulated_matrix(10, models=("Simulated-1B", "Simulated-3B"))
    gains, accuracies = compact(heat_map(matrix)), compact(heat_map(matrix, measure="accuracy"))
    write = SpecWriter()
    first, second = json.loads(write(gains)), json.loads(write(accuracies))
    assert first["datasets"].keys() == second["datasets"].keys()
    assert all(first["datasets"].values()) and not any(second["datasets"].values())
    for table in first["datasets"].values():
        place = table["columns"].index("model")
        found = [table["words"]["model"][row[place]] for row in table["rows"]]
        assert set(found) <= {"Simulated-1B", "Simulated-3B"} and len(found) == 110
        assert "gain" not in table["words"]  # nearly every one is another
