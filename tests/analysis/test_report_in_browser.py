"""The report in Chromium: what a reader clicks, presses and sees. Needs the extra `browser`, and Chromium."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from reported import make_map, report_of, save_card

from geoloom.core.classes import Classes
from geoloom.metrics.accuracy import Accuracy
from geoloom.metrics.class_tally import ClassTally
from geoloom.testing.models import plain_card
from geoloom.testing.simulate import simulated_scene

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the report is looked at in a browser only with geoloom[browser]"
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on PATH to open the report in"
)

WIDTHS = (400, 1400)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=[3, 6, 16])
def page_file(request, tmp_path_factory):
    """A report of a map with so many classes, some with names of a length that files have."""
    folder = tmp_path_factory.mktemp(f"classes{request.param}")
    made = simulated_scene(folder, size_px=160, seed=4)
    more = [f"{'mixed ' * (i % 3)}cover of kind {i}" for i in range(3, request.param)]
    classes = Classes.of(["forest", "deforestation", "water", *more])
    save_card(folder / "model", plain_card("unet", {}, made.bands, classes))
    make_map(made, folder / "map.tif", classes)
    draws = np.random.default_rng(0)
    truth = draws.integers(0, request.param, (1, 4000))
    odds = draws.normal(size=(request.param, *truth.shape))
    odds += 2.0 * (np.arange(request.param)[:, None, None] == truth)
    probabilities = np.exp(odds) / np.exp(odds).sum(axis=0)
    accuracy = Accuracy.of(ClassTally.of_probabilities(truth, probabilities), classes)
    report_of(folder, truth=made.truth, accuracy=accuracy)
    return folder / "r.html"


@pytest.fixture(params=WIDTHS)
def opened(request, browser, page_file):
    """The page as opened: it must load nothing and complain of nothing."""
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    wrong = []
    page.on(
        "console",
        lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(("data:", "file:")) else wrong.append(asked.url),
    )
    page.goto(page_file.as_uri())
    page.wait_for_selector(".leaflet-image-layer")
    yield page
    page.close()
    assert not wrong


def test_the_page_scrolls_down_and_never_sideways(opened):
    width = opened.viewport_size["width"]
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_matrices_fit_a_desk_and_slide_by_themselves_on_a_phone(opened):
    boxes = opened.evaluate(
        "[...document.querySelectorAll('.matrix')].map(m => [m.scrollWidth, m.parentElement.clientWidth])"
    )
    assert boxes
    if opened.viewport_size["width"] == max(WIDTHS):
        assert all(inner <= outer for inner, outer in boxes)


def test_layers_are_switched_and_faded(opened):
    shown = "[...document.querySelectorAll('.leaflet-image-layer')].map(i => i.alt)"
    assert "Prediction" in opened.evaluate(shown)
    opened.get_by_label("Prediction", exact=True).uncheck()
    assert "Prediction" not in opened.evaluate(shown)
    opened.get_by_label("Truth", exact=True).check()
    assert "Truth" in opened.evaluate(shown)
    opened.get_by_label("Opacity of Truth").fill("25")
    assert (
        opened.evaluate("document.querySelector('.leaflet-image-layer[alt=Truth]').style.opacity")
        == "0.25"
    )


def test_two_layers_are_compared_by_keyboard(opened):
    opened.get_by_label("Swipe between two layers").check()
    divider = opened.get_by_role("slider", name="Divider between the layers compared")
    assert divider.get_attribute("aria-valuenow") == "50"
    divider.focus()
    for _ in range(5):
        opened.keyboard.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "60"
    clipped = opened.evaluate(
        "[...document.querySelectorAll('.leaflet-pane')].filter(p => p.style.clip).length"
    )
    assert clipped == 2


def test_all_is_reached_by_the_tab_key_in_the_order_of_the_page(opened):
    """The first stop skips to the sections; no control is a trap, and each has a name."""
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    parts, names = [], []
    for _ in range(60):
        opened.keyboard.press("Tab")
        tag, part, name = opened.evaluate(
            """(e => [e.tagName, [...document.querySelectorAll('section, nav, header, footer')]
            .indexOf(e.closest('section, nav, header, footer')),
            e.ariaLabel || e.title || e.textContent.trim() || e.labels?.[0]?.textContent || ''])
            (document.activeElement)"""
        )
        if tag == "BODY":
            break
        parts.append(part)
        names.append(name)
    assert all(names), names
    assert parts == sorted(parts)
    assert len(set(parts)) > 2


def test_every_picture_says_what_it_shows(opened):
    silent = opened.evaluate(
        "[...document.querySelectorAll('img, [role=img]')]"
        ".filter(e => !(e.alt || e.ariaLabel)).map(e => e.outerHTML.slice(0, 80))"
    )
    assert silent == []


def test_text_is_dark_enough_on_its_ground(opened):
    """WCAG 2.2 AA: 4.5 to 1 for all text but large titles (3 to 1)."""
    weak = opened.evaluate(
        """(() => {
        const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
        const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
        const probe = canvas.getContext('2d', {willReadFrequently: true});
        const rgba = text => {
            probe.clearRect(0, 0, 1, 1);
            probe.fillStyle = text;
            probe.fillRect(0, 0, 1, 1);
            return [...probe.getImageData(0, 0, 1, 1).data];
        };
        const ground = e => {
            for (; e; e = e.parentElement) {
                const color = rgba(getComputedStyle(e).backgroundColor);
                if (color[3] > 250) return color;
            }
            return [255, 255, 255, 255];
        };
        const weak = [];
        for (const e of document.querySelectorAll('body *')) {
            if (e.closest('svg, script, style, .sr, .skip') || !e.getClientRects().length) continue;
            if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
            const style = getComputedStyle(e);
            const [a, b] = [light(rgba(style.color)), light(ground(e))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
            if (ratio < least) weak.push([e.textContent.trim().slice(0, 30), ratio]);
        }
        return weak; })()"""
    )
    assert weak == []
