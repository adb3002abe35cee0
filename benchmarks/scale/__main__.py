"""``python -m benchmarks.scale --work FOLDER --results FOLDER [--small] [--only STEP]``: measure executors and write the page.

Run by ``make bench-scale``. Each step writes its numbers when it has them; a step that is measured alone takes its
place among those that were measured before.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.scale import far, growth, overhead, queueing, speed
from benchmarks.scale.bench import ALL, LARGE, SMALL, Bench
from benchmarks.scale.figure import draw
from benchmarks.scale.page import FIGURE, documented, page
from benchmarks.scale.results import Setting, read_results, write_results

from benchmarks import machine
from femtobarn.base.settings import cores

HERE = Path(__file__).resolve().parent
MILLION = HERE.parent / "results.json"
DOCUMENT = HERE.parents[1] / "docs" / "scale.md"
STEPS = {"overhead": overhead, "queueing": queueing, "speed": speed, "far": far, "growth": growth}
FIELDS = {name: "sizes" if name == "growth" else name for name in STEPS}
PACKAGES = ("pika", "distributed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--work", "--results"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", choices=STEPS, action="append")
    parser.add_argument("--executors", default=",".join(ALL))
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    results_folder = given.results.resolve()
    size = dataclasses.replace(SMALL if given.small else LARGE, executors=tuple(given.executors.split(",")))
    kept = results_folder == HERE
    if kept and (given.small or size.executors != ALL or given.rounds is not None):
        parser.error(f"{given.results} holds results of whole measurements; give another folder for this one")
    if unknown := set(size.executors) - set(ALL):
        parser.error(f"--executors takes {', '.join(ALL)}, but got {', '.join(sorted(unknown))}")
    if given.rounds is not None:
        size = dataclasses.replace(size, rounds=max(1, given.rounds))
    work = given.work.resolve()
    shutil.rmtree(work / "runs", ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("FEMTOBARN_")]:
        del os.environ[name]  # what is measured is what everybody gets
    os.environ["FEMTOBARN_CACHE"] = str(work / "cache")
    bench = Bench(size, work, _setting(small=given.small))
    results_folder.mkdir(parents=True, exist_ok=True)
    path = results_folder / "results.json"
    for name in given.only or STEPS:
        print(f"== {name}", file=sys.stderr)
        measured = STEPS[name].measure(bench)
        results = read_results(path).model_copy(update={FIELDS[name]: measured})
        write_results(path, results)
        shutil.rmtree(work / "runs", ignore_errors=True)
    results = read_results(path)
    draw(results, results_folder / FIGURE)
    (results_folder / "results.md").write_text(page(results, MILLION), encoding="utf-8")
    if kept:
        DOCUMENT.write_text(
            documented(DOCUMENT.read_text(encoding="utf-8"), results, MILLION), encoding="utf-8"
        )


def _setting(*, small: bool) -> Setting:
    command = Path(sys.executable).with_name("femtobarn")
    told = [pair for pair in machine.describe(str(command)) if not pair[0].startswith("the peers")]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return Setting(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        machine=(*told, ("executors run with", versions), *_servers()),
        cores=cores(),
        small=small,
    )


def _servers() -> list[tuple[str, str]]:
    """Return the versions of the servers, as the package manager of this system tells them."""
    import subprocess

    found = []
    for package in ("rabbitmq-server", "slurmctld"):
        command = shutil.which("dpkg-query")
        if command is None:
            continue
        done = subprocess.run(
            [command, "--show", "--showformat=${Version}", package],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and done.stdout:
            found.append((package, done.stdout))
    return found


if __name__ == "__main__":
    main()
