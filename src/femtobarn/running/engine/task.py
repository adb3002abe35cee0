"""The one function that executors run: a task in, raw sums out."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from femtobarn.base.errors import DataError, FileChangedError, FormatError, RunError
from femtobarn.base.records import AnalysisSpec, FileFacts, InputFile, Job, Task, TaskMetrics
from femtobarn.data.formats import Format
from femtobarn.data.formats.registry import register
from femtobarn.data.formats.skimmed import skim_facts
from femtobarn.data.storage import FileIdentity, Opened, identify, local_path, opened
from femtobarn.data.storage.policy import decide
from femtobarn.running.engine.evaluation import Evaluation, evaluation
from femtobarn.running.engine.parts import chunk_edges, limit, part_edges
from femtobarn.running.engine.plan import fields_read, format_for
from femtobarn.running.engine.skim import Skimmer
from femtobarn.running.results.partial import Partial, PartialHeader
from femtobarn.running.results.spectra.archive import names
from femtobarn.running.results.version import environment

if TYPE_CHECKING:
    from femtobarn.data.columns.interface import TreeReader
    from femtobarn.data.formats.reader import EventReader
    from femtobarn.physics.spectra.evaluation import SpectraEvaluation

EntryRange = tuple[int, int]


@dataclass(slots=True)
class _Clock:
    """Seconds spent in each step."""

    read: float = 0.0
    evaluate: float = 0.0


def run_task(
    job: Job,
    task: Task,
    *,
    worker: str = "",
    on_range: Callable[[EntryRange], None] | None = None,
) -> Partial:
    """Return the raw sums of one part of one file. A pure function of its arguments and the file.

    Parameters
    ----------
    job
        the analysis, whose identity must be that of the task, and what may be opened
    task
        what to read
    worker
        who runs it, for the record
    on_range
        told the entries of this part as soon as they are known, so that a failure can name them

    Raises
    ------
    DataError
        if the file cannot be used; branches are checked before the first event is read
    RunError
        if the evaluation fails, with the file and the entries
    """
    spec = job.analysis
    _learn(job.formats)
    started, wall, cpu = time.time(), time.perf_counter(), time.process_time()
    fmt = format_for(spec, task.file)
    _check_request(spec, task, fmt)
    clock = _Clock()
    with _reached(job, task, fmt) as (tree, reader, fields, branches, got):
        facts = _facts(tree, reader, task.file)
        entries = limit(tree.entries, task.max_events, task.fraction)
        edges = part_edges(tree.boundaries(), entries, task.parts)
        start, stop = int(edges[task.part]), int(edges[task.part + 1])
        if on_range is not None:
            on_range((start, stop))
        skimmer = Skimmer(spec, task.file.kind, fields) if spec.skim is not None else None
        sums = evaluation(spec, task.file.kind, skimmer)
        chunks = chunk_edges(tree.boundaries(), start, stop, task.chunk_entries)
        seen = _loop(task, reader, fields, chunks, sums, clock)
        bytes_read = _bytes_read(tree, branches, stop - start)
        transfer, filled = got.transfer, (*reader.filled(), *sums.notes())
    histograms, cutflow = sums.histograms(), sums.cutflow()
    columns = {} if skimmer is None else skimmer.columns()
    spectra = sums.spectra()
    header = PartialHeader(
        task=task.id,
        start=start,
        stop=stop,
        facts=facts,
        environment=environment(),
        metrics=TaskMetrics(
            seconds=time.perf_counter() - wall,
            cpu_seconds=time.process_time() - cpu,
            bytes_read=bytes_read,
            peak_rss=_peak_rss(),
            worker=worker,
            started=started,
            read_seconds=clock.read,
            evaluate_seconds=clock.evaluate,
            network_bytes=transfer.bytes,
            network_requests=transfer.requests,
            network_retries=transfer.retries,
        ),
        sum_of_weights_seen=seen,
        histograms=tuple(histograms),
        selections=tuple(cutflow),
        filled=filled,
        columns=tuple((name, column.offsets is not None) for name, column in columns.items()),
        spectra=() if spectra is None else names(spectra),
    )
    return Partial(header, histograms, cutflow, columns, spectra)


@cache
def _learn(formats: tuple[str, ...]) -> None:
    """Make the formats that come with a job known to this process."""
    from femtobarn.data.formats.userfile import parse_format

    for text in formats:
        register(parse_format(text, "the format of this run"), text)


def _loop(
    task: Task,
    reader: EventReader,
    fields: tuple[str, ...],
    chunks: Sequence[int],
    sums: Evaluation | SpectraEvaluation,
    clock: _Clock,
) -> float:
    """Read, evaluate and add chunk by chunk; return the sum of generator weights (data: of events)."""
    seen = 0.0
    for first, last in pairwise(chunks):
        begin = time.perf_counter()
        columns = reader.raw(fields, first, last)
        read = time.perf_counter()
        try:
            sums.add(columns, last - first)
        except DataError:
            raise
        except Exception as error:
            msg = (
                f"{task.file.name}: entries {first} to {last} could not be evaluated: "
                f"{type(error).__name__}: {error}"
            )
            raise RunError(msg) from error
        if task.file.kind == "data":
            seen += last - first
        elif "mc.generator" in columns:
            # one running sum, as for histograms: chunks leave no trace
            weights = columns["mc.generator"].base().content
            seen = float(np.cumsum(np.concatenate([[seen], weights]))[-1])
        clock.read += read - begin
        clock.evaluate += time.perf_counter() - read
    return seen


def _check_request(spec: AnalysisSpec, task: Task, fmt: Format) -> None:
    if spec.identity != task.analysis:
        msg = (
            f"Task {task.id} belongs to another analysis than {spec.name}: expected identity "
            f"{task.analysis}, got {spec.identity}. Plan the run again."
        )
        raise RunError(msg)
    if fmt.digest != task.format:
        msg = (
            f"Task {task.id} was planned with another version of format {task.release}. Use the same "
            "version of femtobarn everywhere, or plan the run again."
        )
        raise FormatError(msg)


class _Reached(NamedTuple):
    """A task's file, open: its events, the fields and branches that are read of it, and how it was had."""

    tree: TreeReader
    reader: EventReader
    fields: tuple[str, ...]
    branches: tuple[str, ...]
    got: Opened


@contextmanager
def _reached(job: Job, task: Task, fmt: Format) -> Iterator[_Reached]:
    """Open the task's file in the way that suits it; what a stream would read is known from its tree only."""
    from femtobarn.data.formats.reader import EventReader

    share: float | None = None
    while True:
        with ExitStack() as stack:
            got = stack.enter_context(opened(task.file, job.access, share=share))
            if got.how == "local":
                _check_identity(task)
            tree = stack.enter_context(_events(job, task, fmt, got))
            reader = EventReader(tree, fmt)
            fields = _there(job.analysis, reader, fields_read(job.analysis, task.file.kind))
            branches = tuple(dict.fromkeys(b for names in reader.resolve(fields).values() for b in names))
            if got.how == "stream":
                _check_uuid(task, tree)
                if share is None and job.access.policy == "auto":
                    share = tree.stored_bytes(branches) / task.file.size if task.file.size else 1.0
                    if decide("auto", size=task.file.size, cached=False, seen=False, share=share) == "cache":
                        continue
            yield _Reached(tree, reader, fields, branches, got)
            return


def _events(job: Job, task: Task, fmt: Format, got: Opened) -> TreeReader:
    """Open the events of a task's file, by way of the column cache if the job says so."""
    from femtobarn.data.formats.opening import open_events
    from femtobarn.data.storage.entries import checksum_of

    verified = got.how == "cache" and checksum_of(task.file.identity) is not None

    def from_file() -> TreeReader:
        return open_events(got.place, fmt, verified=verified)

    if not job.column_cache:
        return from_file()
    from femtobarn.data.columncache import identity_of, open_cached, with_cache

    path = local_path(task.file.url) if got.how == "local" else None
    identity = identity_of(FileIdentity(task.file.size, task.file.identity), path)
    if len(fmt.trees) > 1:  # which of them it is, only the file tells
        return with_cache(from_file(), identity, mode="fill")
    return open_cached(identity, fmt.tree, from_file, url=task.file.url, mode="fill")


def _there(spec: AnalysisSpec, reader: EventReader, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``fields`` without those that a skim takes only where the file has them, and it has not."""
    if spec.skim is None or not spec.skim.if_there:
        return fields
    needed = {*fields_read(spec.model_copy(update={"skim": None}), "mc")}
    found = []
    for field in fields:
        if field in spec.skim.if_there and field not in needed:
            try:
                reader.resolve([field])
            except FormatError:
                continue
        found.append(field)
    return tuple(found)


def _check_uuid(task: Task, tree: TreeReader) -> None:
    kind, _, planned = task.file.identity.partition(":")
    if kind == "uuid" and planned and tree.uuid != planned:
        msg = (
            f"{task.file.name}: expected the file that was planned (ROOT's identifier {planned}), but it has "
            f"changed ({tree.uuid}). Run the same command again to plan with the new one."
        )
        raise FileChangedError(msg)


def _check_identity(task: Task) -> None:
    found = identify(task.file.url)
    if (found.size, found.identity) != (task.file.size, task.file.identity):
        msg = (
            f"{task.file.url}: expected the file that was planned ({task.file.size} bytes, "
            f"{task.file.identity}), but it has changed ({found.size} bytes, {found.identity}). "
            "Run the same command again to plan with the new one."
        )
        raise FileChangedError(msg)


def _facts(tree: TreeReader, reader: EventReader, file: InputFile) -> FileFacts:
    """Return what the file says of itself, after checking that it is what its name says."""
    skim = skim_facts(tree.title, file.name)
    if skim is not None:
        return skim.facts.model_copy(update={"entries": tree.entries, "uuid": tree.uuid})
    facts = reader.facts()
    simulation = file.kind == "mc"
    known = facts.channel is not None and facts.run is not None
    if known and file.dataset is not None and facts.channel != file.dataset:
        found = "recorded data" if facts.dataset is None else f"dataset {facts.dataset}"
        msg = f"{file.name}: expected dataset {file.dataset}, as it is named, but its events are of {found}. Check its name."
        raise FileChangedError(msg)
    if known and not simulation and facts.dataset is not None:
        msg = f"{file.name}: expected recorded data, as it is named, but its events are of dataset {facts.dataset}. Check its name."
        raise FileChangedError(msg)
    return FileFacts(
        entries=facts.entries,
        uuid=facts.uuid,
        simulated=facts.simulated_demo,
        cross_section=facts.cross_section_fb if simulation else None,
        sum_of_weights=facts.sum_of_weights if simulation else None,
    )


def _bytes_read(tree: TreeReader, branches: tuple[str, ...], entries: int) -> int:
    """Return the compressed bytes of the baskets that ``entries`` entries of ``branches`` occupy."""
    if not tree.entries:
        return 0
    return round(tree.stored_bytes(branches) * entries / tree.entries)


def _peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
