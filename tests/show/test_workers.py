"""The workers in the report: a table, and charts without script or picture."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser

import pytest
from tests.monitoring.made import failure, header

from femtobarn.running.results.metrics import Metrics, summarise
from femtobarn.show.report import write_report
from femtobarn.show.report.chart import Chart, Layer, draw, nice_ticks, plain_time, short
from femtobarn.show.report.html import Html
from femtobarn.show.report.workers import workers

SCRIPT = "</title></svg><script>alert(1)</script>"


class Drawn(HTMLParser):
    """The elements of a section, and the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1] if self.open else "", data))

    def paths(self, look: str) -> list[str]:
        return [str(a["d"]) for t, a in self.elements if t == "path" and look in str(a.get("class")).split()]

    def rows(self) -> list[list[str]]:
        rows: list[list[str]] = []
        for tag, text in self.words:
            if tag == "td":
                rows[-1].append(text)
        return rows

    def texts(self, tag: str) -> list[str]:
        return [text for name, text in self.words if name == tag]


def cluster(count: int, tasks: int = 12, failing: Sequence[int] = ()) -> Metrics:
    headers = [
        header(f"node-{w}", 2.0 * t + 0.01 * w, 1.9, events=1000 + w, rss=10**8 * (1 + w % 3))
        for w in range(count)
        for t in range(tasks)
    ]
    lost = [failure(f"node-{w}", 5.0, reason=f"error of {w}") for w in failing]
    return summarise(headers, 30.0, 0, lost)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 40, 100])
def test_every_worker_is_in_the_charts_and_none_of_them_outgrows_the_legend(count: int) -> None:
    found = Drawn(workers(cluster(count)))
    legend = [text for tag, text in found.words if tag == "li"]
    if count <= 8:
        assert legend == [f"node-{i}" for i in range(count)]
    else:
        assert len(legend) == 9
        assert legend[-1] == f"{count - 8} others"
        assert "The 8 busiest workers have colours" in "".join(found.texts("p"))
    assert len(found.paths("area")) == 2 * min(count, 9)  # events and processors
    assert len(found.paths("line")) == min(count, 64)  # memory
    looks = {str(a.get("class")).split()[-1] for t, a in found.elements if t in {"path", "rect"}}
    assert looks <= {*(f"k{i}" for i in range(8)), "rest"}
    assert len(workers(cluster(count))) < 150_000


def test_the_top_of_the_stack_is_the_sum_of_all() -> None:
    layers = (Layer("a", "k0", (1.0, 3.0)), Layer("b", "k1", (2.0, None)))
    drawing = draw(Chart("t", "", 10.0, layers, "stack", (262, 170)))
    found = Drawn(drawing)
    # 5 ticks of 1 fit 0 to 3: the frame is 100 high from y=30 to y=130; 186 wide from x=62 to x=248
    assert found.paths("k0") == ["M62 130V96.7H155V30H248V130H155V130H62Z"]
    assert found.paths("k1") == ["M62 96.7V30H155V30H248V30H155V96.7H62Z"]


def test_lines_have_gaps_where_nothing_is_known() -> None:
    layers = (Layer("a", "k0", (None, 1.0, 2.0, None, 4.0)),)
    (path,) = Drawn(draw(Chart("t", "B", 5.0, layers, "lines", (176, 170)))).paths("k0")
    assert path == "M82 105V105H102V80H122M142 30V30H162"


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0.0, (0.0,)),
        (float("nan"), (0.0,)),
        (3.0, (0, 1, 2, 3)),
        (1.0, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (37_000.0, (0, 10_000, 20_000, 30_000, 40_000)),
        (0.00011, (0, 0.00005, 0.0001, 0.00015)),
    ],
)
def test_ticks_are_round_and_few(highest: float, ticks: tuple[float, ...]) -> None:
    assert nice_ticks(highest) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: short(0, "", 1), "0"),
        (lambda: short(1500, "", 500), "1.5 k"),
        (lambda: short(40_000, "", 10_000), "40 k"),
        (lambda: short(2_000_000, "", 500_000), "2.0 M"),
        (lambda: short(250e6, "B", 50e6), "250 MB"),
        (lambda: short(1.5e9, "B", 5e8), "1.5 GB"),
        (lambda: short(0.25, "", 0.05), "0.25"),
        (lambda: plain_time(90), "90 s"),
        (lambda: plain_time(600), "10 min"),
        (lambda: plain_time(20_000), "5.56 h"),
        (lambda: plain_time(864_000), "10 d"),
    ],
)
def test_numbers_at_axes(call: Callable[[], str], words: str) -> None:
    assert call() == words


def test_failures_come_first_and_are_marked() -> None:
    found = Drawn(workers(cluster(30, failing=(25, 7))))
    html = workers(cluster(30, failing=(25, 7)))
    names = re.findall(r"<tr(?: class=\"failed\")?><td>(node-\d+)</td>", html)
    assert names[:3] == ["node-7", "node-25", "node-0"]
    assert len(names) == 30
    assert html.count('<tr class="failed">') == 2
    assert "error of 25" in html
    assert html.index("10 more") > html.index("node-17")
    assert len(found.paths("mark")) == 2  # one span with failures, and the sign in the legend
    assert "tasks failed" in found.texts("li")
    assert "tasks failed" not in Drawn(workers(cluster(30))).texts("li")


def test_hostile_names_stay_text() -> None:
    cost = summarise(
        [header(SCRIPT, 0, 1), header("\u202eevil\x1b", 0, 1)], 1.0, 0, [failure(SCRIPT, 2, reason=SCRIPT)]
    )
    html = workers(cost)
    assert isinstance(html, Html)
    found = Drawn(html)
    assert "script" not in {name for name, _ in found.elements}
    assert not any(key.startswith("on") or key == "style" for _, a in found.elements for key in a)
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert SCRIPT in "".join(found.texts("td"))


def test_metrics_without_a_course_have_a_table(make) -> None:
    cost = make().metrics().model_copy(update={"timeline": None})
    html = workers(cost)
    assert "host:1" in html
    assert "<svg" not in html
    assert workers(cost.model_copy(update={"workers": ()})) == ""


def test_a_run_without_length_has_a_table() -> None:
    assert "<svg" not in workers(summarise([header("a", 0, 0.0)], 1.0, 0))


def test_a_pause_that_is_left_out_is_told() -> None:
    html = workers(summarise([header("a", 0, 30), header("a", 90_000, 30)], 1.0, 0))
    assert "24 h 59 min in all, are left out" in html
    assert "left out" not in workers(cluster(1))


@pytest.mark.browser
def test_a_browser_draws_the_charts_in_the_colours_of_the_page(make, chromium, tmp_path) -> None:
    results = dataclasses.replace(make(figures=()), cost=cluster(40, failing=(3,)))
    path = write_report(results, tmp_path, drawn=())
    probe = tmp_path / "probe.html"
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    script = (
        "<script>addEventListener('load',()=>{const box=e=>e.getBoundingClientRect();"
        "const charts=[...document.querySelectorAll('svg.chart')];"
        "document.title=JSON.stringify({"
        "sizes:charts.map(e=>[Math.round(box(e).width),Math.round(box(e).height)]),"
        "colours:[...charts[0].querySelectorAll('.area')].map(e=>getComputedStyle(e).fill),"
        "outside:charts.flatMap(c=>[...c.querySelectorAll('text,path,line')].filter(e=>box(e).left<box(c).left-1"
        "||box(e).right>box(c).right+1||box(e).top<box(c).top-1||box(e).bottom>box(c).bottom+1)).length,"
        "wide:document.documentElement.scrollWidth,inner:innerWidth})})</script>"
    )
    text = path.read_text(encoding="utf-8")
    probe.write_text(policy.sub("", text).replace("</body>", script + "</body>"), encoding="utf-8")
    for width in (1200, 500):
        dom = chromium(f"--window-size={width},900", "--dump-dom", probe.as_uri()).stdout
        title = re.search(r"<title>(.*?)</title>", dom)
        assert title is not None
        seen = json.loads(title[1])
        assert seen["outside"] == 0  # labels are not cut off
        assert len(set(seen["colours"])) == len(seen["colours"]) == 9
        assert seen["wide"] <= seen["inner"]
        assert [w for w, _ in seen["sizes"]] == (
            [1024, 495, 495] if width == 1200 else pytest.approx([640, 453, 453], abs=16)
        )
    done = chromium("--enable-logging=stderr", f"--screenshot={tmp_path / 'page.png'}", path.as_uri())
    assert "CONSOLE" not in done.stderr  # the policy blocks nothing
