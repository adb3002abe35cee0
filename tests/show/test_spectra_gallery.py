"""The page with all spectra: what it holds, and how it behaves in a browser."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from femtobarn.base.spectra import OutputRecord, ProcessingRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.running.results.spectra.processing import process, read_processed
from femtobarn.show.spectra import packing
from femtobarn.show.spectra.catalogue import VARIANTS, entries
from femtobarn.show.spectra.gallery import BLOCK, write_gallery

from .scans import scan_of

MANY = 5000
BAD = '"><script>window.hacked=1</script><img src=x onerror="window.hacked=2">\u202e'
SCRIPT = re.compile(r"<script(?P<what>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)

WATCH = """
window.long = []; window.draws = 0;
new PerformanceObserver(l => { for (const e of l.getEntries()) long.push(e.duration); }).observe({type: 'longtask'});
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...a) { window.draws += 1; return clear.apply(this, a); };
const make = URL.createObjectURL;
URL.createObjectURL = blob => { window.written = blob; return make(blob); };
"""
CARDS = "[...document.querySelectorAll('#grid li:not([hidden])')]"
DRAWN = f"{CARDS}.length > 0 && {CARDS}.every(c => c.querySelector('canvas').dataset.drawn === c.querySelector('a').dataset.name)"


def unpacked(page: str) -> tuple[dict, list[list[dict]]]:
    """Return the index of a page and the layers of each entry, read as its docstring says."""
    scripts = {m["what"]: m["text"] for m in SCRIPT.finditer(page)}
    index = json.loads(scripts[' type="application/json" id="index"'])
    found: list[list[dict]] = []
    number = 0
    while (name := f' type="text/plain" id="block-{number}"') in scripts:
        found += _block(zlib.decompress(base64.b64decode(scripts[name])), index)
        number += 1
    return index, found


def _block(raw: bytes, index: dict) -> list[list[dict]]:
    at, stop = 4, 4 + struct.unpack_from("<I", raw)[0]
    floats = iter(np.frombuffer(raw[stop:], "<f4"))

    def whole() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    found = []
    while at < stop:
        layers = []
        for _ in range(whole()):
            layer, width = whole(), index["widths"][whole()]
            outside = [[whole()], [whole()]]
            n = whole()
            bins = np.cumsum([whole() for _ in range(n)])
            columns = [[whole() for _ in range(n)]]
            if index["groups"][layer // len(VARIANTS)]["kind"] == "mc":
                outside = [[*o, next(floats), next(floats)] for o in outside]
                columns += [[next(floats) for _ in range(n)] for _ in range(2)]
            layers.append(
                {"layer": layer, "width": width, "below": outside[0], "above": outside[1], "bins": bins,
                 "columns": np.array(columns, float)}
            )  # fmt: skip
        found.append(layers)
    return found


@pytest.fixture(scope="module")
def scanned():
    return scan_of(300)


@pytest.fixture(scope="module")
def page(scanned, tmp_path_factory) -> Path:
    return write_gallery(*scanned, tmp_path_factory.mktemp("small") / "gallery.html", title="A scan")


@pytest.fixture(scope="module")
def many():
    return scan_of(MANY)


@pytest.fixture(scope="module")
def large(many, tmp_path_factory) -> Path:
    return write_gallery(*many, tmp_path_factory.mktemp("large") / "gallery.html")


# --- what it holds ---------------------------------------------------------------------------------


def test_numbers_of_any_size_are_packed() -> None:
    numbers = [0, 1, 127, 128, 16_383, 16_384, 2**32, 2**53 - 1]
    raw = packing.varints(np.array(numbers, np.uint64))
    found, value, shift = [], 0, 0
    for byte in raw:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value = shift = 0
    assert found == numbers
    assert [len(packing.varints(np.array([n], np.uint64))) for n in numbers] == [1, 1, 1, 2, 2, 3, 5, 8]
    assert packing.varints(np.array([], np.uint64)) == b""


def test_the_page_holds_every_bin_of_every_spectrum(scanned, page) -> None:
    spectra, processed = scanned
    index, found = unpacked(page.read_text(encoding="utf-8"))
    expected = list(entries(spectra, processed))
    assert len(found) == len(expected) == len(index["columns"]["state"]) == 300
    for i, (entry, layers) in enumerate(zip(expected, found, strict=True)):
        assert [layer["layer"] for layer in layers] == [
            spectra.groups.index(one.group) * len(VARIANTS) + VARIANTS.index(one.variant)
            for one in entry.spectra
        ]
        assert [layer["layer"] for layer in layers] == index["sets"][index["columns"]["set"][i]]
        for one, layer in zip(entry.spectra, layers, strict=True):
            dense = np.zeros_like(one.sums)
            dense[layer["bins"] - one.first] = layer["columns"].T
            exact = 0 if one.kind == "data" else 1e-6
            np.testing.assert_allclose(dense, one.sums, rtol=exact)
            assert layer["width"] == one.width
        counts = [index["columns"]["entries"][g][i] for g in range(2)]
        full = {one.group: one.entries for one in entry.spectra if one.variant == "full"}
        assert counts == [full.get("data", 0), full.get("mc", 0)]
        state = index["states"][index["columns"]["state"][i]]
        category = "_".join(f"{n}{x}x" for n, x in zip(state, index["letters"], strict=True))
        name = f"ROI_mass_{index['combinations'][index['columns']['combination'][i]]['name']}_cat_{category}_width_{index['width']}"
        assert name == entry.spectra[0].name


def test_what_lies_outside_is_there_too(tmp_path) -> None:
    spectra, _ = scan_of(40, names=("data",))
    # the upper edge of what is written, in the middle of what there is
    output = spectra.record.output.model_copy(update={"maximum": 100.0})
    low = type(spectra)(spectra.record.model_copy(update={"output": output}), spectra.members, spectra.sums)
    index, found = unpacked(write_gallery(low, {}, tmp_path / "g.html").read_text())
    above = [layers[0]["above"][0] for layers in found]
    assert above == [round(one.above[0]) for one in low.spectra("data")]
    assert sum(above) > 0
    assert index["maximum"] == 100.0
    total = [a + layers[0]["columns"][0].sum() for a, layers in zip(above, found, strict=True)]
    assert total == index["columns"]["entries"][0] == [one.entries for one in spectra.spectra("data")]


def test_processed_spectra_of_a_run_directory_are_read_one_at_a_time(scanned, tmp_path) -> None:
    spectra, processed = scanned
    process(spectra, tmp_path)
    first = write_gallery(spectra, read_processed(tmp_path), tmp_path / "a.html")
    second = write_gallery(spectra, processed, tmp_path / "b.html")
    assert first.read_bytes() == second.read_bytes()


def test_a_spectrum_may_be_in_one_group_only(tmp_path) -> None:
    few, most = scan_of(10, names=("data",))[0], scan_of(30)[0]
    sums = {"data": few.sums["data"], "mc": most.sums["mc"]}
    both = type(most).of_sums(most.record, sums, {"data": "data", "mc": "mc"})
    index, found = unpacked(write_gallery(both, {}, tmp_path / "g.html").read_text())
    assert len(found) == 30
    assert sorted(map(len, index["sets"])) == [1, 2]
    assert [len(layers) for layers in found].count(2) == 10


def test_the_policy_allows_what_the_page_carries_and_nothing_else(page) -> None:
    text = page.read_text(encoding="utf-8")
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])  # type: ignore[index]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    run = [m["text"] for m in SCRIPT.finditer(text) if not m["what"]]
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for rule, parts in (("script-src", run), ("style-src", styles)):
        (part,) = parts
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
    assert not re.search(r"https?://|\son\w+=|\sstyle=", re.sub(SCRIPT, "", text))


def test_hostile_names_are_text(tmp_path) -> None:
    spectra, processed = scan_of(20, names=("data", BAD))
    text = write_gallery(spectra, processed, tmp_path / "g.html", title=BAD + "</title>").read_text("utf-8")
    scripts = list(SCRIPT.finditer(text))
    assert [m["what"] for m in scripts if "block" not in m["what"]] == [
        ' type="application/json" id="index"', "",
    ]  # fmt: skip
    assert "<img" not in SCRIPT.sub("", text)
    assert "\u202e" not in text
    index, _ = unpacked(text)
    assert index["groups"][1]["name"].startswith('"><script>window.hacked=1</script><img')


def test_equal_spectra_give_equal_pages(scanned, page, tmp_path) -> None:
    again = write_gallery(*scanned, tmp_path / "again" / "g.html", title="A scan")
    assert again.read_bytes() == page.read_bytes()
    assert [p.name for p in again.parent.iterdir()] == ["g.html"]


def test_windows_of_known_resonances_are_those_that_are_vetoed(page, tmp_path) -> None:
    index, _ = unpacked(page.read_text(encoding="utf-8"))
    of = {c["name"]: {index["windows"][w]["name"] for w in c["windows"]} for c in index["combinations"]}
    assert of["g0g1"] == {"H"}
    assert of["e0e1"] == {"Z", "Jpsi", "Upsilon1S", "Upsilon2S", "Upsilon3S"}
    assert of["e0j0"] == set()
    z = next(w for w in index["windows"] if w["name"] == "Z")
    assert (z["low"], z["high"]) == (80, 110)  # whole bins, since whole bins are emptied
    plain, _ = scan_of(20, processing=ProcessingRecord(mode="none"))
    index, _ = unpacked(write_gallery(plain, {}, tmp_path / "g.html").read_text())
    z = next(w for w in index["windows"] if w["name"] == "Z")  # marked also where nothing is made of them
    assert (z["low"], z["high"]) == pytest.approx((81.188, 101.188))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_lines_stand_out(page, scheme) -> None:
    css = re.search(r"<style>(.*?)</style>", page.read_text("utf-8"), re.DOTALL)[1]  # type: ignore[index]
    blocks = re.findall(r":root\{(.*?)\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})\b", blocks[scheme == "dark"]))
    for name in ("ink", "soft", "accent", "bad", "window-edge"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in ("data", *range(7)):
        assert contrast(colours[f"group-{name}"], colours["plot"]) >= 4.5, name
    assert contrast(colours["field"], colours["paper"]) >= 3


def contrast(one: str, two: str) -> float:
    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        parts = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    a, b = sorted((light(one), light(two)))
    return (b + 0.05) / (a + 0.05)


# --- how it behaves --------------------------------------------------------------------------------


def opened(browser, path: Path, part: str = "") -> None:
    """Show a page, and wait until what is in sight is drawn."""
    browser.resize(1280, 900)
    browser.darken(dark=False)
    if not getattr(browser, "watches", False):
        browser.before_each_page(WATCH)
        browser.watches = True
    browser.open(path.as_uri() + part)
    browser.until(DRAWN)


def found(browser) -> int:
    words = browser.ask("document.getElementById('found').textContent")
    return int(words.split(" ")[0].replace(",", ""))


def listed(browser) -> list[str]:
    return browser.ask(
        f"{CARDS}.sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map(c => c.querySelector('a').dataset.name)"
    )


def search(browser, words: str) -> None:
    browser.ask("(document.getElementById('search').focus(), document.getElementById('search').select())")
    browser.type(words)


def in_view(browser) -> str:
    """Return the name of the spectrum that is shown large, as soon as it is drawn."""
    return browser.until(
        "document.getElementById('view').open && document.getElementById('large').dataset.drawn"
        " === document.getElementById('view-name').textContent && document.getElementById('large').dataset.drawn"
    )


@pytest.mark.services
@pytest.mark.browser
def test_thousands_of_spectra_do_not_stall_it(browser, large, many) -> None:
    opened(browser, large)
    assert browser.complaints == []
    assert found(browser) == MANY
    cards = browser.ask("document.querySelectorAll('#grid li').length")
    assert 10 <= cards <= 60  # those in sight, not all
    assert browser.ask("draws") <= 2 * cards
    assert browser.ask("document.querySelectorAll('script[id^=block]').length") == -(-MANY // BLOCK)
    assert browser.ask("performance.getEntriesByName('first-contentful-paint')[0].startTime") < 3000
    assert browser.ask("Math.max(0, ...long)") < 1000
    assert browser.ask("performance.getEntriesByType('resource').length") == 0  # nothing is fetched
    # a search, letter by letter
    browser.ask("(long.length = 0, draws = 0)")
    search(browser, "2e_0m 1j e0e1")
    browser.until(DRAWN)
    steps = len("2e_0m 1j e0e1")
    assert browser.ask("draws") <= steps * cards
    assert browser.ask("Math.max(0, ...long)") < 400
    expected = {
        one.spectra[0].name
        for one in entries(*many)
        if re.search(r"_cat_2ex_0mx_1jx_", one.spectra[0].name)
        and {"e0", "e1"} <= set(re.findall(r"[a-z]\d", one.spectra[0].name.split("_")[2]))
    }
    assert found(browser) == len(expected) > 5
    assert set(listed(browser)) <= expected
    # to the end of all
    browser.ask("document.getElementById('clear').click()")
    browser.ask("(long.length = 0, draws = 0, scrollTo(0, document.documentElement.scrollHeight))")
    browser.until(f"{CARDS}.some(c => c.ariaPosInSet === '{MANY}')")
    browser.until(DRAWN)
    assert browser.ask("document.querySelectorAll('#grid li').length") <= 60
    assert browser.ask("draws") <= 3 * cards
    assert browser.ask("Math.max(0, ...long)") < 400


@pytest.mark.browser
@pytest.mark.services
def test_twenty_thousand_do_not_either(browser, tmp_path) -> None:
    path = write_gallery(*scan_of(20_000), tmp_path / "gallery.html")
    assert path.stat().st_size < 30e6
    opened(browser, path)
    assert found(browser) == 20_000
    assert browser.ask("document.querySelectorAll('#grid li').length") <= 60
    assert browser.ask("Math.max(0, ...long)") < 1500
    browser.ask("long.length = 0")
    search(browser, "3j =e0j0j1")
    browser.until(DRAWN)
    assert 0 < found(browser) < 200
    assert browser.ask("Math.max(0, ...long)") < 500
    for order in ("name", "end", "state", "entries"):
        browser.ask(
            f"(document.getElementById('sort').value = '{order}', document.getElementById('sort').dispatchEvent(new Event('change')))"
        )
    browser.until(DRAWN)
    assert browser.ask("Math.max(0, ...long)") < 1000
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_a_search_finds_what_it_should(browser, page, scanned) -> None:
    opened(browser, page)
    names = {one.spectra[0].name: one for one in entries(*scanned)}
    parts = {
        n: (n.split("_")[2], dict(zip("emjgtb", map(int, re.findall(r"(\d+)[emjgtb]x", n)), strict=True)))
        for n in names
    }
    objects = {n: set(re.findall(r"[a-z]\d", c)) for n, (c, _) in parts.items()}
    cases = {
        "": set(names),
        "2e 1j": {n for n, (_, s) in parts.items() if s["e"] == 2 and s["j"] == 1},
        "2e_0m": {n for n, (_, s) in parts.items() if s["e"] == 2 and s["m"] == 0},
        "2ex_0mx_1jx_0gx_0tx_0bx": {n for n in names if "_cat_2ex_0mx_1jx_0gx_0tx_0bx" in n},
        ">=2j": {n for n, (_, s) in parts.items() if s["j"] >= 2},
        "2j+ <=1e": {n for n, (_, s) in parts.items() if s["j"] >= 2 and s["e"] <= 1},
        "e0j0": {n for n in names if {"e0", "j0"} <= objects[n]},
        "=e0j0": {n for n in names if objects[n] == {"e0", "j0"}},
        "J0  E0": {n for n in names if {"e0", "j0"} <= objects[n]},
        "roi_mass_e0e1_cat_2ex": {n for n in names if n.lower().startswith("roi_mass_e0e1_cat_2ex")},
        "mass": set(names),
        "met": set(),
        "mc": set(names),
        "veto": set(names),
        "no such words": set(),
    }  # fmt: skip
    for words, expected in cases.items():
        search(browser, words or " ")
        browser.until(f"document.getElementById('found').textContent.startsWith('{len(expected):,} of 300')")
        shown = listed(browser)
        assert set(shown) <= expected
        assert len(shown) == len(expected) or len(shown) >= 10
        assert browser.ask("document.getElementById('none').hidden") is bool(expected)
    best = sorted(names, key=lambda n: -sum(o.entries for o in names[n].spectra if o.variant == "full"))
    search(browser, " ")
    browser.until(DRAWN)
    assert listed(browser)[:8] == best[:8]
    orders = {
        "name": lambda n: n,
        "state": lambda n: (names[n].state, names[n].combination),
        "end": lambda n: (-max(o.edges[-1] for o in names[n].spectra if o.variant == "full"), names[n].state, names[n].combination),
    }  # fmt: skip
    for order, key in orders.items():
        choose(browser, "sort", order)
        browser.until(DRAWN)
        assert listed(browser)[:8] == sorted(names, key=key)[:8], order


def choose(browser, select: str, value: str) -> None:
    browser.ask(
        f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{bubbles: true}})); }})(document.getElementById('{select}'))"
    )


@pytest.mark.services
@pytest.mark.browser
def test_filters_narrow_the_list(browser, page, scanned, tmp_path) -> None:
    spectra, processed = scanned
    opened(browser, page)
    of = combinations(spectra.record)
    all_of = list(entries(spectra, processed))
    choose(browser, "total", "3")
    assert found(browser) == sum(of[e.combination].total == 3 for e in all_of)
    choose(browser, "combination", "e0e1e2")
    assert found(browser) == sum(of[e.combination].name == "e0e1e2" for e in all_of) > 0
    choose(browser, "in-state", "3")
    assert found(browser) == 1
    browser.ask("document.getElementById('clear').click()")
    assert found(browser) == 300
    # data in a few only: what is not ticked is neither drawn nor listed
    few = scan_of(10, names=("data",))[0]
    kinds = {"data": "data", "mc": "mc"}
    both = type(spectra).of_sums(spectra.record, {"data": few.sums["data"], "mc": spectra.sums["mc"]}, kinds)
    opened(browser, write_gallery(both, {}, tmp_path / "g.html"))
    browser.click("#groups label:nth-child(2) input")
    assert found(browser) == 10
    assert browser.ask("document.getElementById('variants').hidden")  # nothing was made of them
    assert browser.ask("document.getElementById('quantity').parentElement.hidden")


@pytest.mark.services
@pytest.mark.browser
def test_axes_and_bins_change_what_is_drawn(browser, page) -> None:
    opened(browser, page)
    picture = f"{CARDS}[0].querySelector('canvas').toDataURL()"
    seen = {browser.ask(picture)}
    for act in ("#log-y", "#log-x", "#area", "#variants label:nth-child(2) input", "#groups input"):
        browser.click(act)
        browser.until(f"!{json.dumps(sorted(seen))}.includes({picture})")
        seen.add(browser.ask(picture))
    choose(browser, "rebin", "5")
    browser.until(f"!{json.dumps(sorted(seen))}.includes({picture})")
    assert len(seen) == 6
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_a_link_opens_one_spectrum_and_keys_move_on(browser, page, scanned) -> None:
    spectra, processed = scanned
    wanted = next(
        e
        for e in entries(spectra, processed)
        if e.spectra[0].name.startswith("ROI_mass_g0g1_cat_0ex_0mx_0jx_2gx")
    )
    name = wanted.spectra[0].name
    opened(browser, page, f"#mc/{name}")
    assert in_view(browser) == name
    assert browser.ask("document.getElementById('view-title').textContent") == "g0g1"
    assert "2 photons" in browser.ask("document.getElementById('view-state').textContent")
    rows = browser.ask(
        "[...document.querySelectorAll('#numbers tr')].map(r => [...r.children].map(c => c.textContent))"
    )
    assert [(r[0], r[1]) for r in rows] == [
        (f"{o.group}, {o.variant}", f"{o.entries:,}") for o in wanted.spectra
    ]
    assert [r[2] for r in rows[:2]] == [f"{o.values.sum():,.0f}" for o in wanted.spectra[:2]]
    assert float(rows[2][2].split(" ±")[0].replace(",", "")) == pytest.approx(
        wanted.spectra[2].values.sum(), rel=0.01
    )
    # its neighbours in the list, and the address follows
    order = browser.ask("Number(document.getElementById('view-place').textContent.split(' ')[0])")
    browser.key("ArrowRight")
    second = browser.until(
        f"document.getElementById('view-name').textContent !== '{name}' && document.getElementById('view-name').textContent"
    )
    assert browser.ask("location.hash") == f"#mc/{second}"
    assert browser.ask("document.getElementById('view-place').textContent") == f"{order + 1} of 300"
    browser.key("ArrowLeft")
    browser.until(f"document.getElementById('view-name').textContent === '{name}'")
    browser.key("Escape")
    browser.until("!document.getElementById('view').open && location.hash === ''")
    browser.ask("history.back()")
    assert in_view(browser) == name
    # the controls of the page are at hand while it is open
    before = browser.ask("document.getElementById('large').toDataURL()")
    browser.key("l")
    browser.until("!document.getElementById('log-y').checked")
    browser.until(f"document.getElementById('large').toDataURL() !== {json.dumps(before)}")
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_a_link_to_nothing_says_so(browser, page) -> None:
    opened(browser, page, "#data/ROI_mass_<b>x</b>")
    words = browser.ask("document.getElementById('problem').textContent")
    assert "There is no spectrum data/ROI_mass_<b>x</b>" in words
    assert not browser.ask("document.getElementById('view').open")
    opened(browser, page, "#search=2e%201j")
    assert browser.ask("document.getElementById('search').value") == "2e 1j"
    assert 0 < found(browser) < 300
    opened(browser, page, "#%E0%A4%A")  # no right escape
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_a_bin_is_read_with_the_pointer_and_with_keys(browser, page, scanned) -> None:
    spectra, _ = scanned
    one = next(s for s in spectra.spectra("data") if s.name.startswith("ROI_mass_e0e1_cat_2ex_0mx_0jx_0gx"))
    opened(browser, page, f"#data/{one.name}")
    in_view(browser)
    box = browser.ask(
        "(b => [b.left, b.top, b.width, b.height])(document.getElementById('cursor').getBoundingClientRect())"
    )
    browser.move(box[0] + box[2] / 2, box[1] + box[3] / 2)
    words = browser.until("(t => t.includes('GeV') && t)(document.getElementById('readout').textContent)")
    low, high = (int(edge.replace(",", "")) for edge in re.match(r"([\d,]+) – ([\d,]+) GeV", words).groups())  # type: ignore[union-attr]
    assert high == low + 10
    assert 0.4 < low / one.edges[-1] < 0.6
    contents = dict(zip(one.edges[:-1], one.values, strict=True))
    assert f"data, full: {contents.get(low, 0):,.0f} " in words
    browser.key("ArrowRight", modifiers=8)
    words = browser.until(
        f"(t => t.startsWith('{high}') && t)(document.getElementById('readout').textContent)"
    )
    assert f"data, full: {contents.get(high, 0):,.0f} " in words
    assert browser.ask("document.getElementById('readout').ariaLive") == "polite"
    choose(browser, "rebin", "2")
    browser.move(box[0] + box[2] / 2, box[1] + box[3] / 2)
    words = browser.until("(t => t.includes('GeV') && t)(document.getElementById('readout').textContent)")
    low = int(re.match(r"([\d,]+)", words)[1])  # type: ignore[index]
    assert f"{low} – {low + 20} GeV" in words
    assert f"data, full: {contents.get(low, 0) + contents.get(low + 10, 0):,.0f} " in words


@pytest.mark.services
@pytest.mark.browser
def test_a_part_is_shown_larger_and_bins_are_a_table(browser, page, scanned) -> None:
    spectra, _ = scanned
    one = next(s for s in spectra.spectra("data") if s.name.startswith("ROI_mass_e0e1_cat_2ex_0mx_0jx_0gx"))
    opened(browser, page, f"#data/{one.name}")
    in_view(browser)
    before = browser.ask("document.getElementById('large').toDataURL()")
    x, y, width, height = browser.ask(
        "(b => [b.left, b.top, b.width, b.height])(document.getElementById('cursor').getBoundingClientRect())"
    )
    browser.drag((x + width * 0.2, y + height / 2), (x + width * 0.6, y + height / 2))
    browser.until(f"document.getElementById('large').toDataURL() !== {json.dumps(before)}")
    browser.click("#whole")
    browser.until(f"document.getElementById('large').toDataURL() === {json.dumps(before)}")
    browser.click("#bins summary")
    rows = browser.until(
        "(r => r.length && r)([...document.querySelectorAll('#bins-body tr')].map(r => [...r.children].map(c => c.textContent)))"
    )
    read = {int(r[0].split(" – ")[0].replace(",", "")): int(r[1].replace(",", "")) for r in rows}
    expected = {int(low): int(n) for low, n in zip(one.edges[:-1], one.values, strict=True) if n}
    assert {low: n for low, n in read.items() if n} == expected


@pytest.mark.services
@pytest.mark.browser
def test_one_spectrum_is_written_as_a_table(browser, scanned, tmp_path) -> None:
    spectra, processed = scan_of(60, names=("data", "=cmd|' /C calc'!A0"))
    path = write_gallery(spectra, processed, tmp_path / "g.html")
    one = next(
        e for e in entries(spectra, processed) if e.spectra[0].name.startswith("ROI_mass_e0e1_cat_2ex")
    )
    opened(browser, path, f"#data/{one.spectra[0].name}")
    in_view(browser)
    browser.click("#download")
    rows = list(csv.DictReader(io.StringIO(browser.until("window.written && window.written.text()"))))
    assert {r["group"] for r in rows} == {"data", "'=cmd|' /C calc'!A0"}
    for layer in one.spectra:
        group = layer.group if layer.kind == "data" else f"'{layer.group}"
        mine = [r for r in rows if r["group"] == group and r["variant"] == layer.variant]
        filled = np.flatnonzero(layer.sums[:, 0])
        assert [float(r["low"]) for r in mine] == layer.edges[:-1][filled].tolist()
        assert [float(r["high"]) for r in mine] == layer.edges[1:][filled].tolist()
        assert [int(r["entries"]) for r in mine] == layer.sums[filled, 0].tolist()
        np.testing.assert_allclose([float(r["content"]) for r in mine], layer.values[filled], rtol=1e-6)
        np.testing.assert_allclose([float(r["variance"]) for r in mine], layer.variances[filled], rtol=1e-6)


@pytest.mark.services
@pytest.mark.browser
def test_hostile_names_do_nothing_in_a_browser(browser, tmp_path) -> None:
    spectra, processed = scan_of(30, names=("data", BAD, "search=x", "a/b"))
    path = write_gallery(spectra, processed, tmp_path / "g.html", title=BAD)
    opened(browser, path)
    assert browser.complaints == []
    assert browser.ask("window.hacked") is None
    assert browser.ask("document.images.length") == 0
    assert browser.ask("document.title").startswith('"><script>window.hacked=1</script>')
    assert "<img src=x" in browser.ask("document.getElementById('groups').textContent")
    browser.ask("document.querySelector('#groups input').click()")
    browser.until(DRAWN)
    browser.click("#grid li:not([hidden]) a")
    name = in_view(browser)
    address = browser.ask("location.href")
    for group in ("search=x", "a/b"):
        browser.ask(f"(location.hash = '#' + encodeURIComponent({json.dumps(group)}) + '/{name}')")
        assert in_view(browser) == name
        assert browser.ask("document.getElementById('problem').textContent") == ""
    opened(browser, path, address[address.index("#") :])
    assert in_view(browser) == name
    browser.click("#bins summary")
    browser.until("document.querySelectorAll('#bins-body tr').length")
    assert browser.ask("window.hacked") is None
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_it_can_be_used_with_keys_and_is_told_aloud(browser, page) -> None:
    opened(browser, page)
    unnamed = browser.ask(
        "[...document.querySelectorAll('input, select, button, a, canvas, dialog')].filter(e =>"
        " !e.ariaLabel && !e.getAttribute('aria-labelledby') && e.ariaHidden !== 'true' && !(e.labels && e.labels.length)"
        " && !e.textContent.trim()).map(e => e.outerHTML)"
    )
    assert unnamed == []
    browser.key("/")
    assert browser.ask("document.activeElement.id") == "search"
    browser.ask(f"{CARDS}.find(c => c.ariaPosInSet === '1').querySelector('a').focus()")
    columns = browser.ask(
        "new Set([...document.querySelectorAll('#grid li:not([hidden])')].map(c => c.getBoundingClientRect().left)).size"
    )
    for key, place in (("ArrowRight", 2), ("ArrowDown", 2 + columns), ("End", 300), ("Home", 1)):
        browser.key(key)
        browser.until(f"document.activeElement.closest('li')?.ariaPosInSet === '{place}'")
        seen = browser.ask(
            "(b => [b.top, b.bottom, innerHeight])(document.activeElement.getBoundingClientRect())"
        )
        assert seen[0] >= 0
        assert seen[1] <= seen[2]
    label = browser.ask("document.activeElement.ariaLabel")
    assert re.fullmatch(r"\w+ in [\w ]+: [\d,]+ entries of data, [\d,]+ entries of mc", label)
    browser.key("Enter")
    name = in_view(browser)
    assert name == browser.ask(f"{CARDS}.find(c => c.ariaPosInSet === '1').querySelector('a').dataset.name")
    assert browser.ask("document.activeElement.matches('dialog h2')")  # what it is, then its buttons
    browser.key("ArrowRight")
    browser.until("document.getElementById('view-place').textContent.startsWith('2 of')")
    browser.key("Escape")
    browser.until("document.activeElement.closest('li')?.ariaPosInSet === '2'")  # back where one was


@pytest.mark.services
@pytest.mark.browser
def test_the_document_has_the_order_of_the_list(browser, large) -> None:
    places = f"{CARDS}.map(c => Number(c.ariaPosInSet))"
    opened(browser, large)
    assert browser.ask(places) == sorted(browser.ask(places))
    for y in (1500, 90_000, 89_000, 0):
        # cards are placed in the frame that follows
        browser.ask(
            f"new Promise(r => {{ scrollTo(0, {y}); requestAnimationFrame(() => requestAnimationFrame(r)); }})"
        )
        browser.until(DRAWN)
        assert browser.ask(f"{CARDS}.some(c => c.getBoundingClientRect().top < innerHeight)")
        assert browser.ask(places) == sorted(browser.ask(places)), y
    # the card with the keyboard keeps it while the others move
    browser.ask(f"{CARDS}.find(c => c.ariaPosInSet === '9').querySelector('a').focus()")
    for _ in range(12):
        browser.key("ArrowDown")
    browser.until(DRAWN)
    assert browser.ask("document.activeElement.matches('#grid a')")
    assert browser.ask(places) == sorted(browser.ask(places))


@pytest.mark.services
@pytest.mark.browser
def test_simulation_that_is_not_scaled_is_drawn_with_equal_areas(browser, page, tmp_path) -> None:
    area = "[document.getElementById('area').checked, document.querySelector('header .sub').textContent.includes('not scaled')]"
    opened(browser, page)
    assert browser.ask(area) == [True, True]
    spectra, _ = scan_of(20, output=OutputRecord(scale="luminosity"))
    opened(browser, write_gallery(spectra, {}, tmp_path / "scaled.html"))
    assert browser.ask(area) == [False, False]
    spectra, _ = scan_of(20, names=("data",))
    opened(browser, write_gallery(spectra, {}, tmp_path / "data.html"))
    assert browser.ask(area) == [False, False]


@pytest.mark.services
@pytest.mark.browser
def test_bins_below_zero_leave_a_mark(browser, tmp_path) -> None:
    spectra, _ = scan_of(20, names=("data", "mc"), processing=ProcessingRecord(mode="none"))
    spectra.sums["mc"].sums[::3, 1] *= -1
    name = next(s.name for s in spectra.spectra("mc") if (s.values < 0).any())
    opened(browser, write_gallery(spectra, {}, tmp_path / "g.html"), f"#mc/{name}")
    in_view(browser)
    # pixels in the colour of simulation in the lowest line above the axis but one, with and without the mark
    foot = (
        "(c => { const s = devicePixelRatio, y = Math.round((c.clientHeight - 50 - 6) * s);"
        " const d = c.getContext('2d').getImageData(74 * s, y, c.width - 92 * s, 1).data; let n = 0;"
        " for (let i = 0; i < d.length; i += 4) n += d[i] === 0 && d[i + 1] === 114 && d[i + 2] === 178 && d[i + 3] === 255;"
        " return n; })(document.getElementById('large'))"
    )
    browser.ask("document.querySelectorAll('#groups input')[0].click()")  # simulation alone
    marked = browser.until(foot)
    browser.ask("document.getElementById('log-y').click()")
    browser.until(f"{foot} < {marked}")


@pytest.mark.services
@pytest.mark.browser
def test_signs_and_missing_momentum_are_told_apart(browser, tmp_path) -> None:
    spectra, _ = scan_of(800, quantities=("mass", "os", "ss", "met"), names=("data", "ttbar", "zz"))
    opened(browser, write_gallery(spectra, {}, tmp_path / "g.html"))
    names = {one.spectra[0].name: one.spectra[0].combination for one in entries(spectra, {})}
    for words, expected in (
        ("os", [n for n, c in names.items() if c.quantity == "os"]),
        ("=e0e1SS", [n for n, c in names.items() if c.name == "e0e1SS"]),
        ("=e0e1", [n for n, c in names.items() if c.name == "e0e1"]),
        ("e0MET", [n for n, c in names.items() if c.quantity == "met" and "e0" in c.name]),
    ):
        search(browser, words)
        assert found(browser) == len(expected) > 0, words
        assert set(listed(browser)) <= set(expected)
    browser.ask("document.getElementById('clear').click()")
    choose(browser, "quantity", "met")
    assert found(browser) == sum(c.quantity == "met" for c in names.values())
    browser.until(DRAWN)
    browser.click("#grid li:not([hidden]) a")
    in_view(browser)
    assert "Transverse mass" in browser.ask("document.getElementById('view-words').textContent")
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_a_scan_that_found_nothing_has_a_page(browser, tmp_path) -> None:
    spectra, _ = scan_of(3, least_events=10**9)
    browser.open(write_gallery(spectra, {}, tmp_path / "g.html").as_uri())
    assert found(browser) == 0
    assert not browser.ask("document.getElementById('none').hidden")
    assert browser.complaints == []


@pytest.mark.services
@pytest.mark.browser
def test_it_fits_a_phone_and_follows_the_reader_into_the_dark(browser, page) -> None:
    opened(browser, page)
    light = browser.ask("getComputedStyle(document.body).backgroundColor")
    picture = f"{CARDS}[0].querySelector('canvas').toDataURL()"
    before = browser.ask(picture)
    browser.darken(dark=True)
    browser.until(f"{picture} !== {json.dumps(before)}")
    assert browser.ask("getComputedStyle(document.body).backgroundColor") != light
    browser.resize(390, 844)
    browser.until(DRAWN)
    browser.click("#grid li:not([hidden]) a")
    in_view(browser)
    wide = browser.ask(
        "[document.documentElement.scrollWidth, document.querySelector('dialog').scrollWidth - document.querySelector('dialog').clientWidth, innerWidth]"
    )
    assert wide[0] <= wide[2]
    assert wide[1] <= 0
