"""The page of a run, in a real browser, from a file: driven by keyboard, on a phone's width and on a desktop's."""

import html
import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from attrs import Factory, define, evolve
from playwright.sync_api import Browser, Page, sync_playwright
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.core import machine
from liqspec.draw import decisions, lifecycle_svg
from liqspec.draw import page as webpage
from liqspec.edge import files
from liqspec.edge.texts import words
from liqspec.properties.coverage import Violation
from liqspec.replay import recordings
from liqspec.replay.record import Record, rules_of
from liqspec.report.amounts import value_text
from liqspec.report.sentences import event_text
from liqspec.spec import rulebook, scenarios
from liqspec.step.compare import Difference
from liqspec.verify import counterexample

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESKTOP = 360, 1280
FAST = [
    ("windows-of-a-sibling", PHONE, "dark"),
    ("eth-march-2025", DESKTOP, "light"),
    ("breach-waits-for-a-block", PHONE, "light"),
]

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="THE PAGE IS NOT TESTED: no program chromium here; apt-get install chromium"
)


MOMENT = """() => {
    const seen = (selector) => [...document.querySelectorAll(selector)].filter((part) => part.checkVisibility());
    const ids = (selector) => seen(selector).map((part) => part.id);
    const texts = (selector) => seen(selector).map((part) => part.innerText);
    const cells = (row) => [...row.cells].map((cell) => cell.innerText);
    const bodies = seen("#changes-table tbody");
    return {
        counter: texts("#counter")[0],
        event: texts("#event-text")[0],
        state: texts("#state")[0],
        now: ids(".diagram .now"),
        taken: ids(".diagram .taken"),
        passed: ids(".diagram .edge.passed"),
        transitions: texts("#transitions li"),
        changes: bodies.flatMap((body) =>
            [...body.rows].slice(1).map((row) => [cells(body.rows[0])[0], ...cells(row)])),
        effects: seen("#effects-list li").map((item) => item.children[0].innerText),
        rules: ids("article.rule"),
        unexpected: texts("#event-unexpected"),
        fits: document.documentElement.scrollWidth <= window.innerWidth,
    };
}"""


@cache
def recorded(name: str) -> Record:
    return recordings.load(name)


def longest(record: Record) -> str:
    return max(record.positions(), key=lambda key: len(record.path(key)))


@define
class Opened:
    """A page in the browser, what it logged and what it asked for."""

    page: Page
    logged: list[str] = Factory(list)
    requested: list[str] = Factory(list)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def moment(self) -> dict[str, Any]:
        """All that the page shows of the present moment; what is hidden is left out."""
        given: dict[str, Any] = self.page.evaluate(MOMENT)
        return given


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def opened(browser: Browser, record: Record, folder: Path, width: int = DESKTOP, **more: Any) -> Opened:
    """The page of a record, from a file."""
    file = folder / "page.html"
    file.write_text(webpage.render(record, longest(record) if record.positions() else None), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, **more)
    seen = Opened(page)
    page.on("console", lambda message: seen.logged.append(message.text))
    page.on("pageerror", lambda error: seen.logged.append(str(error)))
    page.on("request", lambda request: seen.requested.append(request.url))
    page.goto(file.as_uri())
    return seen


def is_quiet(seen: Opened) -> bool:
    return seen.logged == [] and len(seen.requested) == 1 and seen.requested[0].startswith("file:///")


@needs_browser
@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        pytest.param(name, width, scheme, marks=() if (name, width, scheme) in FAST else pytest.mark.thorough)
        for name in scenarios.names()
        for width in (PHONE, DESKTOP)
        for scheme in ("light", "dark")
    ],
)
def test_every_moment_is_reached_by_keyboard_and_shows_the_run(
    name: str, width: int, scheme: Any, browser: Browser, tmp_path: Path
) -> None:
    record = recorded(name)
    selected = longest(record)
    seen = opened(browser, record, tmp_path, width, color_scheme=scheme)
    last = record.numbers[-1]
    assert seen.text("#counter") == f"{record.numbers[decisions.decisive(record) - 1]} / {last}"
    seen.page.keyboard.press("Home")
    for number, step in zip(record.numbers, record.steps, strict=True):
        moment = seen.moment()
        assert moment["counter"] == f"{number} / {last}"
        assert moment["event"].endswith(event_text(step.event))
        assert moment["state"].startswith(f"{selected} is {words(step.state(selected))}")
        assert moment["now"] == [f"state-{step.state(selected)}"]
        own = [entry for entry in step.transitions if entry.position == selected]
        assert set(moment["taken"]) == {lifecycle_svg.edge_id(entry.source, entry.target) for entry in own}
        heads = [f"{entry.position}: {entry.transition} " for entry in step.transitions]
        assert [line[: len(head)] for line, head in zip(moment["transitions"], heads, strict=True)] == heads
        subjects = list(dict.fromkeys(change.subject for change in step.changes))
        changes = [
            (subject, words(change.field))
            for subject in subjects
            for change in step.changes
            if change.subject == subject
        ]
        assert [(subject, field.removesuffix(" (ms)")) for subject, field, _, _ in moment["changes"]] == changes
        assert moment["rules"] == [f"rule-{rule}" for rule in rules_of(step)]
        assert moment["effects"] == [effect.rule for effect in step.effects]
        assert moment["fits"]
        seen.page.keyboard.press("ArrowRight")
    assert seen.text("#counter") == f"{last} / {last}"
    assert is_quiet(seen)
    seen.page.close()


@needs_browser
def test_the_last_moment_shows_the_final_state_the_changes_and_the_rules(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("market-liquidation"), tmp_path, PHONE)
    seen.page.keyboard.press("End")
    assert seen.text("#state") == "alice/BTC/cross is closed"
    assert [tuple(row) for row in seen.moment()["changes"]] == [
        ("alice/BTC/cross", "state", "liquidatable", "closed"),
        ("alice/BTC/cross", "size", "1", "0"),
        ("alice/BTC/cross", "cost", "50,000", "0"),
        ("alice/BTC/cross", "order", "1", "none"),
        ("alice/cross", "collateral", "3,000", "1,200"),
        ("alice/cross", "equity", "1,205", "1,200"),
        ("alice/cross", "maintenance margin", "1,205.125", "0"),
        ("alice/cross", "initial margin", "2,410.25", "0"),
        ("alice/cross", "in liquidation", "yes", "no"),
    ]
    assert seen.text("#rule-FIL-1").startswith("FIL-1 · A fill closes its size at its price")
    assert "else no_working_order" in seen.text("#rule-FIL-1")
    assert not seen.page.is_visible("#rule-LIQ-3")
    assert "equity 1,200" in seen.text("#panels")
    assert is_quiet(seen)
    seen.page.close()


@needs_browser
def test_keys_buttons_and_slider_step_backwards_and_forwards(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("market-liquidation"), tmp_path)
    page = seen.page

    def at() -> str:
        return seen.text("#counter").split(" ")[0]

    page.keyboard.press("Home")
    assert page.is_disabled("#previous")
    for key, reached in (("End", "5"), ("ArrowLeft", "4"), ("Home", "1"), ("ArrowLeft", "1"), ("ArrowRight", "2")):
        page.keyboard.press(key)
        assert at() == reached
    for button, reached in (("#last", "5"), ("#previous", "4"), ("#first", "1"), ("#next", "2")):
        page.click(button)
        assert at() == reached
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    assert at() == "3"
    page.locator("#slider").fill("5")
    assert at() == "5"
    box = page.locator(".panel.pool svg").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 60, box["y"] + 20)
    assert at() == "1"
    assert is_quiet(seen)
    page.close()


@needs_browser
def test_another_position_is_chosen_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    record = recorded("short-squeeze")
    seen = opened(browser, record, tmp_path)
    seen.page.keyboard.press("End")
    assert seen.text("#state").startswith("alice/BTC/cross is closed")
    seen.page.focus("input[value='alice/BTC/cross']")
    seen.page.keyboard.press("ArrowDown")
    assert seen.text("#state").startswith("bob/BTC/cross is closed")
    passed = {f"edge-{visit.recorded.source}-{visit.recorded.target}" for visit in record.path("bob/BTC/cross")}
    assert set(seen.moment()["passed"]) == passed
    assert seen.text("#counter") == "14 / 14"
    seen.page.close()


@needs_browser
def test_the_panels_draw_a_line_through_every_event(browser: Browser, tmp_path: Path) -> None:
    record = recorded("market-liquidation")
    seen = opened(browser, record, tmp_path)
    path = seen.page.get_attribute(".panel.pool .line.equity", "d") or ""
    assert path.count("H") == len(record.steps)
    margin = seen.page.get_attribute(".panel.pool .line.maintenance", "d") or ""
    backed = [step for step in record.steps if step.measures["alice/cross"].maintenance_margin.exact]
    assert margin.count("H") == len(backed)
    near = seen.page.get_attribute(".panel.market .line.liquidation", "d") or ""
    assert near.count("H") == 3, "while the position is open"
    markers = seen.page.locator(".panel.market .marker")
    assert markers.count() == len(list(record.trades()))
    seen.page.close()


@needs_browser
@pytest.mark.parametrize("name", ["short-squeeze", "eth-march-2025", "windows-of-a-sibling"])
def test_what_matters_of_the_decisive_moment_is_in_the_first_view(name: str, browser: Browser, tmp_path: Path) -> None:
    """At 1280 by 800: the lifecycle, what happened by which rule, what changed, and the selected position's chart."""
    record = recorded(name)
    seen = opened(browser, record, tmp_path)
    market = ".panel.market svg >> nth=0"
    parts = (".diagram svg", "#transitions li >> nth=0", "#effects-list", "#changes-table tbody >> nth=0", market)
    for part in (*parts, ".panel.ratio svg >> nth=0", ".panel.pool svg >> nth=0", ".panel.band svg >> nth=0"):
        box = seen.page.locator(part).bounding_box()
        assert box is not None, part
        assert box["y"] + box["height"] <= 800, part
    assert f"{longest(record)} margin ratio".split("/")[0] in seen.text(".panel.ratio figcaption >> nth=0")
    seen.page.close()


@needs_browser
def test_the_slider_is_marked_where_something_was_decided(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("eth-march-2025"), tmp_path)
    marks = seen.page.locator("#marks button")
    titles = [marks.nth(place).get_attribute("title") for place in range(marks.count())]
    assert titles == ["event 5: refusal", "event 7: refusal", "event 12: liquidation", "event 15: backstop"]
    thumb = seen.page.locator("#slider").bounding_box()
    first = marks.nth(2).bounding_box()
    assert thumb is not None
    assert first is not None
    middle = first["x"] + first["width"] / 2
    assert middle == pytest.approx(thumb["x"] + 8 + (thumb["width"] - 16) * 11 / 16, abs=1)
    assert seen.text("#marks-key") == (
        "Below the slider: ▲ a liquidation begins, ■ the vault takes a pool, × an event is refused."
    )
    marks.nth(2).click()
    assert seen.text("#counter") == "12 / 17"
    assert "0.9998 < 1: breached" in seen.text(".panel.ratio figcaption")
    assert is_quiet(seen)
    seen.page.close()


@needs_browser
def test_the_run_plays_by_itself_until_it_ends(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("market-liquidation"), tmp_path)
    seen.page.clock.install()
    seen.page.keyboard.press("Home")
    seen.page.click("#play")
    assert seen.text("#play") == "Pause"
    seen.page.clock.run_for(2100)
    assert seen.text("#counter") == "3 / 5"
    seen.page.click("#play")
    seen.page.clock.run_for(5000)
    assert (seen.text("#counter"), seen.text("#play")) == ("3 / 5", "Play")
    seen.page.evaluate("document.activeElement.blur()")
    seen.page.keyboard.press("Space")
    seen.page.clock.run_for(9000)
    assert (seen.text("#counter"), seen.text("#play")) == ("5 / 5", "Play")
    assert is_quiet(seen)
    seen.page.close()


@needs_browser
def test_the_address_names_the_event(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("market-liquidation"), tmp_path)
    seen.page.keyboard.press("Home")
    seen.page.keyboard.press("ArrowRight")
    address = seen.page.url
    assert address.endswith("#step=2")
    other = browser.new_page()
    other.goto(address.replace("=2", "=3"))
    assert other.inner_text("#counter") == "3 / 5"
    other.evaluate("location.hash = '#step=99'")
    other.wait_for_function("document.getElementById('counter').textContent === '5 / 5'")
    other.evaluate("location.hash = '#step=x'")
    assert other.inner_text("#counter") == "5 / 5"
    other.close()
    seen.page.close()


def test_an_event_has_the_same_number_in_the_terminal_the_page_and_the_picture(tmp_path: Path) -> None:
    """What the market does because of step 3 is 3.1 to 3.3, and the steps after it are numbered as in the scenario."""
    name = "thin-book-backstop"
    record = recorded(name)
    printed = CliRunner().invoke(app, ["simulate", name]).stdout
    named = re.findall(r"^ {0,2}([0-9.]+) (?:\(the market\) )?[a-z]", printed, re.MULTILINE)
    assert named == [event["number"] for event in webpage.data(record, None)["events"]] == list(record.numbers)
    assert {"3", "3.1", "3.2", "3.3", "4"} <= set(named)
    drawn = tmp_path / "part.svg"
    assert CliRunner().invoke(app, ["draw", "run", name, "--from", "3", "--to", "4", "-o", str(drawn)]).exit_code == 0
    text = drawn.read_text(encoding="utf-8")
    last = [number for number in named if number.split(".")[0] == "4"][-1]
    assert f"events 3 to {last}" in text
    assert ">3.1<" in text


@needs_browser
def test_the_arithmetic_of_a_decision_is_there_and_folded(browser: Browser, tmp_path: Path) -> None:
    """MRG-3, MRG-5, LIQ-3: it is what `liqspec simulate --why` says of the same moment."""
    record = recorded("market-liquidation")
    seen = opened(browser, record, tmp_path)
    said = [
        "alice/cross would not be in liquidation with the mark of BTC at 48,206 or above, "
        "or with 0.125 more collateral (LIQ-3, MRG-10)",
        "equity: collateral 3,000 + PnL -1,795 = 1,205 (MRG-3)",
        "PnL: 1 × 48,205 − 50,000 = -1,795 (size × mark − cost, MRG-1)",
        "maintenance margin: 48,205 × 1/40 = 1,205.125 (tier 1, MRG-5)",
    ]
    assert list(record.steps[3].arithmetic[:4]) == said
    assert seen.page.is_visible("#arithmetic summary")
    assert not seen.page.is_visible("#arithmetic-list")
    seen.page.click("#arithmetic summary")
    assert seen.page.inner_text("#arithmetic-list").splitlines()[:4] == said
    seen.page.keyboard.press("Home")
    assert not seen.page.is_visible("#arithmetic")
    seen.page.close()


@needs_browser
def test_the_address_of_what_follows_a_step_has_its_number(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("thin-book-backstop"), tmp_path)
    address = seen.page.url.partition("#")[0]
    for asked, shown in (("3.2", "3.2"), ("3.9", "3.3"), ("4", "4"), ("0", "1")):
        other = browser.new_page()
        other.goto(f"{address}#step={asked}")
        assert other.inner_text("#event-text").startswith(f"{shown}. ")
        other.close()
    seen.page.keyboard.press("Home")
    for _ in range(3):
        seen.page.keyboard.press("ArrowRight")
    assert seen.page.url.endswith("#step=3.1")
    seen.page.close()


@needs_browser
def test_a_transition_that_is_pointed_at_says_its_trigger_and_guards(browser: Browser, tmp_path: Path) -> None:
    seen = opened(browser, recorded("market-liquidation"), tmp_path)
    for entry in machine.lifecycle().table.transitions:
        for source in entry.sources:
            shown = seen.page.text_content(f"#{lifecycle_svg.edge_id(source, entry.to)} > title") or ""
            assert f"{entry.id} {entry.trigger}" in shown
            assert all(words(guard) in shown for guard in entry.guard)
            assert entry.meaning in shown
    assert seen.page.locator(".diagram .edge .reach").count() == len(lifecycle_svg.edges())
    seen.page.close()


@needs_browser
def test_a_name_in_a_band_is_whole_or_absent(browser: Browser, tmp_path: Path) -> None:
    record = recorded("windows-of-a-sibling")
    seen = opened(browser, record, tmp_path, PHONE)
    shown = set(seen.page.locator(".panel.band text").all_text_contents())
    names = {words(name) for name in machine.lifecycle().table.states}
    assert shown
    windows = {text for text in shown if re.search(r"[0-9]", text)}
    assert shown - windows <= names
    legend = seen.text("#legend")
    assert all(words(one.state) in legend for step in record.steps for one in step.observation.positions)
    seen.page.close()


@needs_browser
def test_a_finding_opens_with_both_sides(browser: Browser, tmp_path: Path) -> None:
    record = recorded("market-liquidation")
    theirs = (Difference("alice/cross", "pools.equity", "3000", "2999"),)
    steps = (record.steps[0], evolve(record.steps[1], theirs=theirs), *record.steps[2:])
    seen = opened(browser, evolve(record, steps=steps), tmp_path)
    assert seen.text("#counter") == "2 / 5"
    assert seen.page.locator("#sides-rows td").all_inner_texts() == ["alice/cross", "equity", "3,000", "2,999"]
    box = seen.page.locator("#sides").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 800
    assert seen.page.get_attribute("#marks .finding", "title") == "event 2: finding"
    assert seen.text("#verdict") == "The engine answered otherwise."
    seen.page.close()


HOSTILE_NAME = "\"'><b>onload=window.hacked=3<b>"


@needs_browser
def test_text_of_a_scenario_is_shown_and_never_run(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    quoted = json.dumps(HOSTILE_NAME)
    file.write_text(
        'title = "</title><script>window.hacked = 1</script>"\n'
        "story = \"</p><img src=x onerror='window.hacked = 2'> <!-- &amp;\"\n"
        f'venue = "generic"\naccounts = [{quoted}]\nmarks = {{ BTC = "50000" }}\n'
        '[[step]]\nnote = "</script ><script >window.hacked = 4</script >"\n'
        f'event = {{ type = "deposit", account = {quoted}, amount = "3000" }}\n'
        f'[[step]]\nevent = {{ type = "trade", account = {quoted}, market = "BTC", mode = "cross", size = "1", '
        'price = "50000", leverage = 20 }\n',
        encoding="utf-8",
    )
    seen = opened(browser, recordings.load(str(file)), tmp_path, PHONE)
    assert seen.text("h1") == "</title><script>window.hacked = 1</script>"
    assert seen.page.title() == "</title><script>window.hacked = 1</script>"
    assert seen.text(".story").endswith("<!-- &amp;")
    seen.page.keyboard.press("Home")
    assert seen.text("#event-note") == "</script ><script >window.hacked = 4</script >"
    seen.page.keyboard.press("End")
    assert seen.moment()["changes"][0][0] == f"{HOSTILE_NAME}/BTC/cross"
    assert seen.page.evaluate("window.hacked") is None
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert is_quiet(seen)
    seen.page.close()


@needs_browser
def test_the_page_runs_no_other_script_even_if_one_were_there(browser: Browser, tmp_path: Path) -> None:
    """The policy in its head names the one style and the one script by their contents."""
    text = webpage.render(recorded("market-liquidation"), None)
    file = tmp_path / "changed.html"
    file.write_text(text.replace("</main>", "<script>window.hacked = 1</script></main>"), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    assert page.inner_text("#counter") == "4 / 5"
    assert page.evaluate("window.hacked") is None
    page.close()


@needs_browser
def test_a_counterexample_opens_in_the_same_page(browser: Browser, tmp_path: Path) -> None:
    story = scenarios.load("deficit")
    violation = Violation(
        property="conservation",
        wrong="5 appeared",
        where="random events",
        config=story.config.to_json(),
        events=[step.event for step in story.file.step[:4]],
    )
    file = tmp_path / "counterexample.toml"
    file.write_text(counterexample.to_toml(violation), encoding="utf-8")
    seen = opened(browser, recordings.load(str(file)), tmp_path)
    assert seen.text("h1") == "Counterexample: conservation"
    assert seen.text(".story") == "5 appeared (random events)"
    seen.page.keyboard.press("End")
    assert seen.text("#counter") == "4 / 4"
    assert is_quiet(seen)
    seen.page.close()


@needs_browser
def test_what_was_not_expected_is_shown_at_the_top_and_at_its_moment(browser: Browser, tmp_path: Path) -> None:
    text = (files.ROOT / "scenarios" / "market-liquidation.toml").read_text(encoding="utf-8")
    file = tmp_path / "other.toml"
    file.write_text(text.replace('equity = "1205",', 'equity = "1204",'), encoding="utf-8")
    seen = opened(browser, recordings.load(str(file)), tmp_path)
    unexpected = "alice/cross.equity is 1205, expected 1204"
    assert seen.text("#verdict") == "Not as expected."
    assert seen.text("#all-unexpected") == f"step 4: {unexpected}"
    assert seen.text("#counter").startswith("4 "), "it opens at what was not expected"
    assert seen.text("#event-unexpected") == f"Unexpected: {unexpected}"
    seen.page.keyboard.press("ArrowLeft")
    assert seen.moment()["unexpected"] == []
    seen.page.close()


# ------------------------------------------------------------------------------------------------- without any browser


@pytest.mark.parametrize("name", scenarios.names())
def test_the_data_of_the_page_are_those_of_the_run(name: str) -> None:
    record = recorded(name)
    data = webpage.data(record, None)
    for drawn, step in zip(data["events"], record.steps, strict=True):
        assert [change["before"] for change in drawn["changes"] if change["field"] != "state"] == [
            value_text(change.before) for change in step.changes if change.field != "state"
        ]
        assert [effect["text"] for effect in drawn["effects"]] == [effect.text for effect in step.effects]
    for pool in data["pools"]:
        margins = [
            step.measures[pool["key"]].maintenance_margin for step in record.steps if pool["key"] in step.measures
        ]
        assert [value for value in pool["margin"] if value] == [float(m.text) for m in margins if m.exact]


def test_the_page_names_no_other_place() -> None:
    text = webpage.render(recorded("market-liquidation"), None)
    for name in ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"):  # names of languages, not places
        text = text.replace(name, "")
    for place in ("http:", "https:", "//cdn", "@import", "url("):
        assert place not in text


@pytest.mark.parametrize("rule", list(rulebook.rules()))
def test_the_text_of_every_rule_becomes_markup_without_links_or_leftovers(rule: str) -> None:
    markup = webpage.rule_markup(rule)
    assert "<a " not in markup
    assert "](" not in markup
    assert f"<h3>{rule} · {html.escape(rulebook.rules()[rule].title)}</h3>" in markup


def test_every_state_and_edge_of_the_diagram_can_be_found_by_its_name() -> None:
    drawn = html.unescape(lifecycle_svg.shipped())
    table = machine.lifecycle().table
    for name in table.states:
        assert drawn.count(f'id="state-{name}"') == 1
    for entry in table.transitions:
        for source in entry.sources:
            assert drawn.count(f'id="{lifecycle_svg.edge_id(source, entry.to)}"') == 1


def test_a_position_is_shown_with_its_liquidation_price() -> None:
    """MRG-10: what a trader asks first."""
    (position,) = webpage.data(recorded("market-liquidation"), None)["positions"]
    assert position["texts"][1:] == [
        "size 1, liquidation price 48,205",
        "size 1, liquidation price 48,205",
        "size 1, order 1, liquidation price 48,205",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "event"),
    [("short-squeeze", 11), ("eth-march-2025", 15), ("market-liquidation", 4), ("trader-closes-in-time", 10)],
)
def test_a_run_opens_where_it_was_decided(name: str, event: int) -> None:
    """The first takeover, else the first liquidation."""
    assert decisions.decisive(recorded(name)) == event


def test_a_refusal_is_decisive_where_nothing_was_liquidated_and_the_end_where_nothing_was_refused() -> None:
    record = recorded("eth-march-2025")
    assert decisions.decisive(record.part(1, 11)) == 5
    assert decisions.decisive(record.part(1, 14)) == 12
    assert decisions.decisive(record.part(1, 4)) == 4


def test_the_shipped_layout_is_that_of_todays_lifecycle() -> None:
    assert lifecycle_svg.shipped_source() == lifecycle_svg.graph().source, "stale: run `make diagrams`"


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is missing")
def test_the_shipped_layout_shows_what_graphviz_draws_now() -> None:
    """Seen by its names and texts: versions of Graphviz place them differently."""
    names = re.compile(r'id="([^"]+)"|<text[^>]*>([^<]*)')
    assert sorted(names.findall(lifecycle_svg.shipped())) == sorted(names.findall(lifecycle_svg.laid_out()))


def test_the_parts_of_the_page_are_in_the_package() -> None:
    folder = resources.files("liqspec.draw") / "assets"
    assert {part.name for part in folder.iterdir()} >= {"page.html", "page.css", "page.js", "lifecycle.svg"}


def test_every_colour_of_the_page_is_the_themes() -> None:
    """The assets define no colours, and every variable that they use is written from the theme."""
    folder = Path(str(resources.files("liqspec.draw") / "assets"))
    assets = [part.read_text("utf-8") for part in folder.rglob("*.*")]
    assert not any(re.search(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsl", text) for text in assets)
    colours = webpage.colours()
    used = set(re.findall(r"var\((--[a-z_]+)\)", "".join([*assets, colours])))
    for theme in colours.split("@media"):
        assert used <= set(re.findall(r"(--[a-z_]+):", theme))
    for state in machine.lifecycle().table.states:
        assert colours.count(f"--state-{state}: ") == colours.count(f"--on-{state}: ") == 2
