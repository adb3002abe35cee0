"""The page, and the lines at the end of a run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from femtobarn.base.records import CutflowRow, ProcessRecord
from femtobarn.show.report import print_summary, problems, render, significance_lines, summary, write_report
from femtobarn.show.report.cutflow import by_process
from femtobarn.show.report.html import Html, escape, table, tag
from femtobarn.show.report.numbers import amount, duration, measured, share
from femtobarn.show.statistics import significances
from femtobarn.show.wording import size

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
LONG = "name" * 100


class Page(HTMLParser):
    """Elements, their attributes, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def attributes(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture(scope="module")
def page(make) -> str:
    return render(make())


@pytest.fixture(scope="module")
def hostile(make) -> str:
    return render(hostile_results(make))


def hostile_results(make):
    return make(
        complete=False,
        title=SCRIPT,
        labels={"zz": SCRIPT, "other": r"$\frac{x", "higgs": IMAGE + "漢字\u202e\x1b[2J"},
        names={
            "file": IMAGE + "漢字" + LONG,
            "reason": SCRIPT + "</td></table>",
            "cut": "m < 5 & " + SCRIPT,
            "command": f"femtobarn run '{SCRIPT}'",
        },
        extra_notes=(IMAGE,),
    )


def test_the_page_has_every_section_and_closes_every_element(page) -> None:
    found = Page(page)
    assert found.open == []
    ids = [a["id"] for a in found.attributes("section")]
    assert ids == [
        "figures",
        "yields",
        "significance",
        "cutflow",
        "ledger",
        "normalisation",
        "throughput",
        "workers",
        "provenance",
        "repeat",
    ]
    assert [a["href"] for a in found.attributes("a")] == [f"#{name}" for name in ids]
    for word in (
        "H → ZZ* → 4ℓ",
        "ATLAS Open Data",
        "complete",
        "36.6 fb⁻¹",
        "expected a ROOT file, found 0 bytes",
        "dataset 999 is not wanted",
        "adler32:0badcafe",
        "x86-64-v3",
        "uproot 5.6.0",
        "a" * 64,
        "123 MB",
        "10,256",
        "femtobarn run hzz --data demo --out runs/demo",
        "a placeholder",
        "the sum of weights of the catalogue is used",
    ):
        assert word in found.text, word


def test_the_page_needs_nothing_else(page) -> None:
    found = Page(page)
    images = found.attributes("img")
    assert len(images) == 4
    for image in images:
        source = str(image["src"])
        assert base64.b64decode(source.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
        assert image["alt"]
    assert not {"script", "link", "iframe", "object", "form"} & {name for name, _ in found.elements}
    assert not re.search(r"https?://|@import|url\(", page)
    assert not any("style" in attributes for _, attributes in found.elements)


def test_the_policy_allows_exactly_the_style_of_the_page(page) -> None:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = (
        str(a["content"])
        for a in Page(page).attributes("meta")
        if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_names_stay_text(hostile) -> None:
    found = Page(hostile)
    assert found.open == []
    names = {name for name, _ in found.elements}
    assert "script" not in names
    assert not any(key.startswith("on") for _, attributes in found.elements for key in attributes)
    assert all(str(a["src"]).startswith("data:image/png;base64,") for a in found.attributes("img"))
    assert SCRIPT in found.text
    assert IMAGE in found.text
    assert LONG in found.text
    assert "\u202e" not in hostile
    assert "\x1b" not in hostile


def test_an_incomplete_result_says_so_first(make) -> None:
    found = Page(render(make(complete=False, simulated=True, notebook=True, luminosity=None)))
    top = found.text[: found.text.index("Figures")]
    for word in (
        "incomplete: 3 of 40 files",
        "Simulated demo data",
        "notebook mode",
        "mc_700600",
        "--luminosity",
    ):
        assert word in top
    assert "ATLAS" not in found.text


def test_luminosity_can_be_changed_after_the_run(make) -> None:
    text = Page(render(make(), luminosity=73.2)).text
    assert "73.2 fb⁻¹" in text
    assert "37.9" in text  # twice the signal of 18.93


def test_the_file_is_written_in_one_step(make, tmp_path) -> None:
    path = write_report(make(figures=()), tmp_path / "new")
    assert path == tmp_path / "new" / "report.html"
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>\n<html")
    assert "declares no figure" in path.read_text(encoding="utf-8")


def test_results_with_nothing_in_them_have_a_page(make) -> None:
    found = Page(render(make(data=False, mc=False, luminosity=None)))
    assert "nothing of what this figure shows has been processed" in found.text


@settings(deadline=None)
@given(st.text())
def test_any_text_survives_escaping_as_text(text: str) -> None:
    page = Page(tag("p", text, title=text))
    assert [name for name, _ in page.elements] == ["p"]
    shown = "".join(page.words)
    kept = [c for c in text if c.isalnum() or c in "<>&\"'"]
    assert [c for c in shown if c.isalnum() or c in "<>&\"'"] == kept


def test_markup_is_made_by_functions_only() -> None:
    assert escape("<b>") == "&lt;b&gt;"
    assert escape(Html("<b>")) == "<b>"
    assert tag("td", "a", class_=False, hidden=True) == "<td hidden>a</td>"
    with pytest.raises(ValueError, match="attribute"):
        tag("p", "x", **{"a b": "c"})
    with pytest.raises(ValueError, match="element"):
        tag("p onclick=x", "x")
    assert '<td class="n">1</td>' in table(("a", "b"), [("x", 1)], numeric=(1,))


def test_cutflow_sums_files_and_knows_what_it_does_not_know() -> None:
    def row(file: str, step: int, raw: int, norm: float | None, variation: str = "nominal") -> CutflowRow:
        return CutflowRow(
            process="zz",
            dsid=1,
            file=file,
            selection="s",
            variation=variation,
            step=step,
            cut=f"cut {step}",
            raw=raw,
            sumw=2.0 * raw,
            sumw2=4.0 * raw,
            norm=norm,
        )

    rows = [row("a", 0, 10, 0.5), row("b", 0, 20, 0.25), row("a", 1, 5, 0.5), row("b", 1, 1, None)]
    rows.append(row("a", 0, 999, 0.5, variation="scale:up"))
    process = ProcessRecord(name="zz", label="ZZ", colour="red", role="background")
    (flow,) = by_process(rows, [process], 10.0)
    assert [(s.raw, s.weighted) for s in flow.steps] == [(30, 200.0), (6, None)]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: amount(None), "–"),
        (lambda: amount(12.3456), "12.35"),
        (lambda: amount(1234.5), "1,234"),
        (lambda: amount(0), "0"),
        (lambda: amount(float("nan")), "–"),
        (lambda: amount(-0.00001), "-1.00e-05"),
        (lambda: measured(81.28, 8.13), "81.3 ± 8.1"),
        (lambda: measured(1234.5, 99.0), "1,234 ± 99"),
        (lambda: measured(5.0, 0.0), "5.000"),
        (lambda: measured(None, 1.0), "–"),
        (lambda: share(1, 4), "25.0 %"),
        (lambda: share(1, 0), "–"),
        (lambda: size(1_234_000_000), "1.23 GB"),
        (lambda: size(12), "12 B"),
        (lambda: duration(3725), "1 h 02 min"),
        (lambda: duration(61), "1 min 01 s"),
        (lambda: duration(59.96), "60.0 s"),
    ],
)
def test_numbers_as_people_read_them(call, text: str) -> None:
    assert call() == text


# --- terminal --------------------------------------------------------------------------------------


def shown(results, *, width: int = 120, **kwargs) -> str:
    console = Console(file=io.StringIO(), width=width, **kwargs)
    console.print(summary(results, []))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_last_lines_of_a_run(make) -> None:
    results = make(complete=False, luminosity=3.24)
    text = shown(results)
    assert "\x1b" not in text  # not a terminal: plain
    assert "incomplete: 3 of 40 files" in text
    assert "simulation at 3.24 fb⁻¹" in text
    assert "Background ZZ*" in text
    assert "all simulation" in text
    (line,) = significance_lines(significances(results))
    assert "Asimov = " in line
    assert "122.5 to 130 GeV" in line


def test_paths_are_never_broken_over_lines(make, tmp_path) -> None:
    path = tmp_path / ("x" * 100) / "report.html"
    console = Console(file=io.StringIO(), width=60)
    print_summary(console, make(), [path])
    assert str(path) in console.file.getvalue()  # type: ignore[attr-defined]


def test_problems_are_three_lines_at_most(make) -> None:
    lines = problems(make(complete=False))
    assert len(lines) == 3
    assert lines[0] == "1 failed, first: broken.root: expected a ROOT file, found 0 bytes; download it again"
    assert "data16_periodA" in lines[2]
    results = make()
    results.rows["ledger"] = []
    assert problems(results) == ()


def test_names_cannot_steer_the_terminal(make) -> None:
    text = shown(hostile_results(make), force_terminal=True, color_system=None)
    assert "\x1b" not in text
    assert "[2J" in text
    bracketed = make(labels={"zz": "[bold red]zz[/] [/nothing]"})
    assert "[bold red]zz[/] [/nothing]" in shown(bracketed)


def test_unknown_luminosity_is_said_in_the_terminal(make) -> None:
    text = " ".join(shown(make(luminosity=None)).split())
    assert "the luminosity of the data is not known" in text
    assert "not defined: the luminosity of these data is not known" in text


# --- browser ---------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_browser_shows_the_page_and_runs_nothing(make, chromium, tmp_path) -> None:
    path = write_report(hostile_results(make), tmp_path)
    picture = tmp_path / "page.png"
    done = chromium(
        "--enable-logging=stderr",
        f"--screenshot={picture}",
        "--window-size=1200,2000",
        path.as_uri(),
    )
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr  # no blocked style, image or script
    from PIL import Image

    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(1_000_000)
    assert colours is not None
    assert len(colours) > 500  # figures, not an empty page

    dom = chromium("--dump-dom", path.as_uri()).stdout
    found = Page(dom)
    assert "script" not in {name for name, _ in found.elements}
    assert len(found.attributes("img")) == 4
    assert SCRIPT in found.text


@pytest.mark.browser
def test_the_style_applies_and_nothing_is_wider_than_a_phone(make, chromium, tmp_path) -> None:
    path = write_report(hostile_results(make), tmp_path)
    probe = tmp_path / "probe.html"
    # the page itself runs no script; a frame of the same folder is measured from outside
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    script = (
        "<script>addEventListener('load',()=>{document.title=JSON.stringify({"
        "wide:document.documentElement.scrollWidth,inner:innerWidth,"
        "font:getComputedStyle(document.querySelector('h1')).fontSize,"
        "images:[...document.images].every(i=>i.complete&&i.naturalWidth>0)})})</script>"
    )
    probe.write_text(policy.sub("", path.read_text(encoding="utf-8")).replace("</body>", script + "</body>"))
    dom = chromium("--window-size=500,900", "--dump-dom", probe.as_uri()).stdout
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    measured_ = json.loads(title[1])
    assert measured_["wide"] <= measured_["inner"]
    assert measured_["font"] == "32px"
    assert measured_["images"] is True
