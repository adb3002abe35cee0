"""``python -m benchmarks.spectra --peers PYTHON --work FOLDER --results FOLDER [--small] [--only STEP]``: measure and write the page.

Run by ``make bench-spectra``. Each step writes its numbers when it has them; a step that is measured alone takes its
place among those that were measured before.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import adopt_orphans
from benchmarks.spectra import chain, growth, memory
from benchmarks.spectra.bench import LARGE, SMALL, Bench
from benchmarks.spectra.figure import draw
from benchmarks.spectra.page import FIGURE, documented, page
from benchmarks.spectra.results import Setting, read_results, write_results

from benchmarks import machine
from femtobarn.base.settings import cores

HERE = Path(__file__).resolve().parent
SCALE = HERE.parent / "scale" / "results.json"
DOCUMENT = HERE.parents[1] / "docs" / "spectra-speed.md"
STEPS = {"chain": chain, "growth": growth, "memory": memory}
PEERS = ("uproot", "awkward", "vector", "numpy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--work", "--results"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", choices=STEPS, action="append")
    given = parser.parse_args()
    folder = given.results.resolve()
    kept = folder == HERE
    if kept and given.small:
        parser.error(f"{given.results} holds results of whole measurements; give another folder for this one")
    work = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    peers = str(Path(given.peers).absolute())
    femtobarn = str(Path(sys.executable).with_name("femtobarn"))
    setting = _setting(femtobarn, peers, small=given.small)
    bench = Bench(SMALL if given.small else LARGE, femtobarn, peers, work, setting)
    adopt_orphans()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    for name in given.only or STEPS:
        print(f"== {name}", file=sys.stderr)
        measured = STEPS[name].measure_step(bench)
        write_results(path, read_results(path).model_copy(update={name: measured}))
        shutil.rmtree(bench.out(), ignore_errors=True)
    results = read_results(path)
    draw(results, folder / FIGURE)
    (folder / "results.md").write_text(page(results, SCALE), encoding="utf-8")
    if kept:
        DOCUMENT.write_text(
            documented(DOCUMENT.read_text(encoding="utf-8"), results, SCALE), encoding="utf-8"
        )


def _setting(femtobarn: str, peers: str, *, small: bool) -> Setting:
    told = [pair for pair in machine.describe(femtobarn) if not pair[0].startswith("the peers")]
    done = subprocess.run([peers, "-c", machine.ASK, *PEERS], check=True, capture_output=True, text=True)
    versions = ", ".join(f"{name} {version}" for name, version in json.loads(done.stdout).items())
    return Setting(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        machine=(*told, ("the peers run with", versions)),
        cores=cores(),
        small=small,
    )


if __name__ == "__main__":
    main()
