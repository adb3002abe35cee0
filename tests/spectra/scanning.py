"""Files scanned as the engine does it, without a run."""

from __future__ import annotations

from pathlib import Path

from femtobarn.base.records import Access, Job, Kind, Settings
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.spec import spec_of
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.task import run_task
from femtobarn.running.results.partial import Partial


def filled(
    release: str, scanned: SpectraRecord, *paths: Path, kind: Kind | None = None, **settings: object
) -> list[Partial]:
    """Return the partial results of a scan of some files, as the engine makes them."""
    spec = spec_of(scanned, release, name="scan", title="A scan")
    inputs = gather(spec, paths, kind=kind)
    assert not inputs.skipped, inputs.skipped
    given = {"part_bytes": 10**9, "chunk_entries": 10**6, **settings}
    plan = make_plan(inputs.spec, inputs, Settings.model_validate(given))
    job = Job(analysis=inputs.spec, access=Access(prefixes=("/",)))
    return [run_task(job, task) for task in plan.tasks]
