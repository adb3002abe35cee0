"""Input of the steps: demo data, and as many more files as are wanted, which are the same under other names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from femtobarn.api.runs import find
from femtobarn.base.records import Access, AnalysisSpec, InputFile, Job, Policy, Settings, Task
from femtobarn.base.settings import default_settings
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.plan import make_plan
from femtobarn.simulate import write_demo_data

RELEASE = "2025e-13tev-beta"
CATALOGUE_FILE_BYTES = 100_000_000
"""Of the files of which only the names exist."""

SMALL_EVENTS = 300
"""Files of much fewer events have another layout, which is slower to open."""


def hzz() -> AnalysisSpec:
    """Return the analysis as it is shipped."""
    return find("hzz").freeze(release=RELEASE)


def demo_files(work: Path, events: int) -> Inputs:
    """Return demo data with about so many events in each of 40 files; they are made once."""
    folder = work / f"demo-{events}"
    done = folder / "complete"
    if not done.exists():
        write_demo_data(folder, events_data=events, events_mc=events)
        done.touch()
    return gather(hzz(), folder)


def small_files(work: Path) -> Inputs:
    """Return files of `SMALL_EVENTS` simulated events each: as good as nothing to compute."""
    demo = demo_files(work, SMALL_EVENTS)
    return replace(demo, files=tuple(file for file in demo.files if file.kind == "mc"))


def named(
    inputs: Inputs, number: int, label: str, url: Callable[[int, InputFile], str] = lambda _, file: file.url
) -> Inputs:
    """Return ``number`` files: those of ``inputs`` in turn, each time with other names.

    Parameters
    ----------
    label
        a part of the names; with another one, nothing is known of them from before
    url
        where the file of that number is
    """
    files = []
    for i in range(number):
        file = inputs.files[i % len(inputs.files)]
        files.append(file.model_copy(update={"name": f"{label}-{i:06d}.{file.name}", "url": url(i, file)}))
    return replace(inputs, files=tuple(files))


def catalogue(spec: AnalysisSpec, number: int) -> Inputs:
    """Return inputs of ``number`` files that exist in name only: nothing is opened to plan."""
    datasets = [(p.name, dsid) for p in spec.inputs.processes for dsid in p.datasets]
    files = []
    for i in range(number):
        process, dsid = datasets[i % len(datasets)]
        name = f"mc_{dsid}.sample{i:06d}.root"
        files.append(
            InputFile(
                name=name,
                url=f"root://eospublic.cern.ch//eos/opendata/atlas/rucio/opendata/{name}",
                size=CATALOGUE_FILE_BYTES,
                identity=f"adler32:{i:08x}",
                kind="mc",
                dataset=dsid,
                process=process,
            )
        )
    return Inputs(spec, tuple(files), (), ())


def tasks_of(inputs: Inputs, settings: Settings | None = None) -> tuple[Task, ...]:
    """Return the tasks of a run over ``inputs``."""
    return make_plan(inputs.spec, inputs, settings or default_settings()).tasks


def job_of(spec: AnalysisSpec, prefixes: Sequence[str], policy: Policy = "auto") -> Job:
    """Return what runs tasks, which may open what is below ``prefixes``."""
    return Job(analysis=spec, access=Access(policy=policy, prefixes=tuple(prefixes)))
