"""The page in a real browser: it draws, asks for nothing, fits a phone, and cannot be broken into.

Needs the ``playwright`` package and a ``chromium`` of the system; skipped where one is absent.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulated_study import simulated_bank, simulated_bins, simulated_items, simulated_responses
from test_page import HOSTILE, hostile_items, report

from easyhard.irt.ability_groups import ability_groups
from easyhard.report.item_curve import item_curve_table

sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this system")
FIGURES = 14
SEEN = FIGURES - 3  # of three heat maps and two sets of profiles one each is seen at a time


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
        running = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    report(folder / "calm.html", simulated_items(60))
    report(folder / "hostile.html", hostile_items(), HOSTILE[0] + HOSTILE[1])
    return {path.stem: path for path in folder.iterdir()}


class Visit:
    """One opened page, with what the browser said and asked for."""

    def __init__(self, browser: Any, path: Path, width: int, scheme: str) -> None:
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        self.page.set_default_timeout(120_000)  # a limit for a busy machine, not a measurement
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn]", state="attached")

    def count(self, selector: str) -> int:
        return int(self.page.locator(selector).count())


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("calm", 375, "light"), ("calm", 1600, "dark"), ("hostile", 375, "dark")]
)
def test_the_page_draws_alone_and_fits(
    browser: Any, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    visit = Visit(browser, pages[name], width, scheme)
    assert visit.said == []
    assert visit.requests == [pages[name].as_uri()]
    assert visit.count("figure svg") == (2 * FIGURES if scheme == "dark" else FIGURES)
    assert visit.count(f"figure .{scheme} svg:visible") == SEEN
    assert visit.count("figure svg:visible") == SEEN
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.page.evaluate("window.hacked") is None
    assert "+" in visit.page.locator("#gains figure svg:visible").text_content()


def test_figures_of_the_whole_width_narrow_to_a_phone(browser: Any, tmp_path: Path) -> None:
    report(tmp_path / "page.html", simulated_items(60))
    visit = Visit(browser, tmp_path / "page.html", 375, "light")
    for section in ("distance", "scale", "information", "items"):
        drawn = visit.page.locator(f"#{section} figure .light svg").first
        assert drawn.evaluate("svg => svg.getBoundingClientRect().width") <= 335, section


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_matrix_of_ten_bins_is_read_on_a_phone_without_scrolling(browser: Any, tmp_path: Path, scheme: str) -> None:
    report(tmp_path / "page.html", simulated_items(300), count=10, own_items=True)
    visit = Visit(browser, tmp_path / "page.html", 375, scheme)
    gains = visit.page.locator("#gains")
    for shown in range(3):
        gains.locator("input").nth(shown).check()
        drawn = gains.locator("svg:visible")
        assert drawn.count() == 1
        assert gains.locator(".drawings").evaluate("place => place.scrollWidth <= place.clientWidth")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 375
        boxes = drawn.evaluate(BOXES)
        assert len(boxes["labels"]) == 10 + 100 - 1  # zero-shot, and all cells but the failed one
        assert min(label["size"] for label in boxes["labels"]) >= 9
        assert max(label["width"] for label in boxes["labels"]) <= boxes["cell"]
    visit.page.set_viewport_size({"width": 1600, "height": 900})
    wide = gains.locator("svg:visible", has_text="trained on bin")  # a title that the narrow one has no room for
    wide.wait_for()
    assert "†" in wide.text_content()


BOXES = """svg => {
  const width = (mark) => mark.getBoundingClientRect().width;
  const labels = [...svg.querySelectorAll(".mark-text.role-mark text")].filter((text) => text.textContent);
  return {
    cell: width(svg.querySelector(".mark-rect.role-mark path")),
    labels: labels.map((text) => ({ width: width(text), size: parseFloat(getComputedStyle(text).fontSize) })),
  };
}"""


def test_figures_follow_a_change_of_scheme(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["calm"], 1000, "light")
    visit.page.emulate_media(color_scheme="dark")
    last = visit.page.locator("figure .dark svg").last
    last.wait_for(state="visible")
    assert visit.count("figure .light svg:visible") == 0


def test_paper_gets_the_light_figures_from_a_dark_screen(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["calm"], 1000, "dark")
    visit.page.emulate_media(media="print", color_scheme="dark")
    assert visit.count("figure .light svg:visible") == SEEN
    assert visit.count("figure .dark svg:visible") == 0


def test_the_matrix_switches_between_measures_by_keyboard_and_paper_gets_gains(
    browser: Any, pages: dict[str, Path]
) -> None:
    visit = Visit(browser, pages["calm"], 1000, "light")
    gains = visit.page.locator("#gains")

    def seen() -> str:
        assert gains.locator("figure:visible").count() == gains.locator(".legend [data-choice]:visible").count() == 1
        return str(gains.locator("figure:visible").text_content())

    assert "gain over zero-shot, points" in seen()
    gains.locator("input").first.focus()
    visit.page.keyboard.press("ArrowRight")
    assert gains.locator("input:checked").get_attribute("value") == "1"
    assert "accuracy" in seen() and "gain over" not in seen()
    visit.page.keyboard.press("ArrowRight")
    assert "z: gain in standard errors" in seen()
    visit.page.emulate_media(media="print")
    assert "gain over zero-shot, points" in seen()
    assert gains.locator("input:visible").count() == 0
    assert visit.said == []


def test_a_tooltip_shows_foreign_text_as_text(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["hostile"], 1000, "light")
    visit.page.locator("#items figure .light svg .mark-symbol path").first.hover(force=True)
    tooltip = visit.page.locator("#vg-tooltip-element")
    assert "difficulty" in tooltip.text_content()
    assert tooltip.locator("script, img").count() == 0
    assert visit.page.evaluate("window.hacked") is None


def found(visit: Visit, column: int) -> list[str]:
    return [str(text) for text in visit.page.locator(f"#item-browser tbody td:nth-child({column})").all_text_contents()]


def test_items_are_searched_filtered_and_sorted(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["calm"], 1000, "light")
    section = visit.page.locator("#item-browser")
    assert section.locator("output").text_content() == "60 of 60 items"
    assert found(visit, 1) == [str(rank) for rank in range(1, 51)]
    section.locator("button.more").click()
    assert len(found(visit, 1)) == 60
    name = found(visit, 2)[30]
    section.locator("input").fill(name.upper())
    assert found(visit, 2) == [name]
    section.locator("input").fill("no such item")
    assert section.locator("output").text_content() == "0 of 60 items" and found(visit, 1) == []
    section.locator("input").fill("")
    section.locator("select").first.select_option("1")
    assert set(found(visit, 4)) == {"1"}
    section.locator("th button", has_text="difficulty").click()
    section.locator("th button", has_text="difficulty").click()
    ranks = [int(rank) for rank in found(visit, 1)]
    assert ranks == sorted(ranks, reverse=True)
    assert section.locator("th[aria-sort=descending]").text_content() == "difficulty"
    assert visit.said == []


def test_the_curve_of_an_item_opens_below_it_with_the_table_s_numbers(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["calm"], 1000, "light")
    section = visit.page.locator("#item-browser")
    bank = simulated_bank(simulated_items(60))
    item = bank.table.sort("difficulty", "item")["item"][20]
    opener = section.locator(".opener", has_text=item)
    opener.focus()
    visit.page.keyboard.press("Enter")
    assert opener.get_attribute("aria-expanded") == "true"
    known = item_curve_table(bank, ability_groups(simulated_responses(bank), bank), item)
    lines = section.locator(".detail tbody tr")
    shown = [lines.nth(k).locator("td").all_text_contents() for k in range(lines.count())]
    assert [[int(line[1]), int(line[2])] for line in shown] == known.select("n", "n_correct").to_numpy().tolist()
    for line, row in zip(shown, known.iter_rows(named=True), strict=True):
        percents = [float(text.strip("%")) for text in (line[3], *line[4].split(" to "), line[5])]
        wanted = [100 * row[name] for name in ("observed", "low", "high", "expected")]
        assert percents == pytest.approx(wanted, abs=0.51)
    assert section.locator(".detail circle").count() == len(known)
    assert "Observed:" in section.locator(".detail svg").get_attribute("aria-label")
    visit.page.keyboard.press("Enter")
    assert section.locator(".detail").count() == 0
    assert visit.said == []


def test_the_curve_of_several_items_follows_the_search(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["calm"], 375, "dark")
    section = visit.page.locator("#item-browser")
    section.locator("button.together").click()
    right = section.locator(".of-several tbody td:nth-child(3)")
    bank = simulated_bank(simulated_items(60))
    correct = simulated_responses(bank).correct
    assert sum(int(text.replace(",", "")) for text in right.all_text_contents()) == (correct == 1).sum()
    section.locator("select").first.select_option("0")
    easiest = set(simulated_bins(bank).items(0, "train") + simulated_bins(bank).items(0, "held_out"))
    columns = [name in easiest for name in bank.table["item"]]
    assert sum(int(text.replace(",", "")) for text in right.all_text_contents()) == (correct[:, columns] == 1).sum()
    section.locator("input").fill("no such item")
    assert section.locator(".of-several").text_content() == ""
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 375
    assert visit.said == []


def test_foreign_text_among_the_items_found_stays_text(browser: Any, pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["hostile"], 375, "light")
    visit.page.locator("#item-browser input").fill("<img")
    assert len(found(visit, 1)) > 3 and all("<img" in text for text in found(visit, 3))
    for place in range(3):
        visit.page.locator("#item-browser .opener").nth(place).click()
    assert visit.count("#item-browser .detail svg") == 3
    assert visit.count("#item-browser tbody img, #item-browser tbody script") == 0
    assert visit.page.evaluate("window.hacked") is None
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_page_of_12_000_items_is_small_and_answers_a_keystroke(browser: Any, tmp_path: Path) -> None:
    report(tmp_path / "large.html", simulated_items(12_000))
    assert (tmp_path / "large.html").stat().st_size < 5_000_000
    visit = Visit(browser, tmp_path / "large.html", 1000, "light")
    visit.page.locator("#item-browser button.together").click()
    visit.page.locator("#item-browser input").fill("12")
    count = visit.page.locator("#item-browser output").text_content()
    assert count.endswith(" of 12,000 items") and not count.startswith(("0", "12,000"))
    assert visit.count(".of-several circle") == 8
    assert visit.said == []
