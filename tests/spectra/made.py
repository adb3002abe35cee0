"""Sums of given values, and run directories that hold sums, made up for tests of results."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from femtobarn.base.records import (
    AnalysisSpec,
    Environment,
    InputFile,
    InputRow,
    InputsRecord,
    Kind,
    Luminosity,
    Normalisation,
    ProcessRecord,
    RunInfo,
    Settings,
)
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import (
    COMBINATION_SHIFT,
    LAST_BIN,
    STATE_SHIFT,
    SpectraSums,
    Values,
    columns,
)
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.spectra.folder import write_sums
from femtobarn.running.results.spectra.values import values_of

from .toys import scan

Given = Mapping[tuple[int, int], Sequence[tuple[float, float]]]
"""By code of a final state and place of a combination: values in GeV, and what they weigh."""

STATES = tuple(states.code({"e": e, "m": m, "j": j}) for e, m, j in ((0, 2, 0), (2, 0, 1), (2, 2, 12)))


def sums_of(record: SpectraRecord, kind: Kind, given: Given, events: Mapping[int, int]) -> SpectraSums:
    """Return the sums of ``given`` values, with as many ``events`` of each final state, added one by one."""
    number = columns(kind)
    known = sorted({*events, *(state for state, _ in given)})
    cells: dict[int, np.ndarray] = {}
    keys, offsets, flat = [], [0], []
    for (state, combination), pairs in sorted(given.items()):
        key = (known.index(state) << STATE_SHIFT) | (combination << COMBINATION_SHIFT)
        for value, weight in pairs:
            k = 0 if value < 0 else min(int(value // record.width) + 1, LAST_BIN)
            cells.setdefault(key | k, np.zeros(number))
            cells[key | k] += np.array([1.0, weight, weight**2])[:number]
        if pairs:
            keys.append(key)
            offsets.append(offsets[-1] + len(pairs))
            flat += pairs
    order = sorted(cells)
    total = np.array([[float(events.get(state, 0))] * number for state in known]).reshape(-1, number)
    return SpectraSums(
        np.array(known, np.uint64),
        total,
        np.array(order, np.uint64),
        np.array([cells[c] for c in order]).reshape(-1, number),
        Values(
            np.array(keys, np.uint64),
            np.array(offsets, np.int64),
            np.array([v for v, _ in flat], np.float64),
            np.array([w for _, w in flat] if kind == "mc" else [], np.float64),
        )
        if record.values
        else None,
    )


def givens(record: SpectraRecord, most: int = 40) -> st.SearchStrategy[dict[tuple[int, int], list]]:
    """Make values of some spectra: in and at the edges of bins, below 0 and far above all bins."""
    value = st.one_of(
        st.floats(0, 400).map(lambda x: round(x, 3)),
        st.integers(0, 40).map(lambda k: k * record.width),
        st.sampled_from([-3.5, -1e9, record.output.maximum, record.output.maximum + 1, 1e30]),
    )
    weight = st.sampled_from([1.0, 0.5, -0.25, 2.0])
    spectrum = st.tuples(st.sampled_from(STATES), st.integers(0, len(combinations(record)) - 1))
    return st.dictionaries(
        spectrum, st.lists(st.tuples(value, weight), min_size=1, max_size=most), max_size=8
    )


def info_of(
    record: SpectraRecord | None,
    processes: Mapping[str, Kind],
    *,
    factors: Mapping[str, float | None] | None = None,
    luminosity: float | None = 2.0,
    **changes: object,
) -> RunInfo:
    """Return what run.json says of a run with these processes, of one dataset each."""
    factors = factors or {}
    datasets = {name: i + 1 for i, name in enumerate(processes)}
    spec = AnalysisSpec(
        name="scan",
        title="A scan",
        release="2025e-13tev-beta",
        mode="physics",
        nodes=(),
        selections=(),
        histograms=(),
        spectra=record,
        inputs=InputsRecord(
            release="2025e-13tev-beta",
            processes=tuple(
                ProcessRecord(
                    name=name, label=name, colour="#000", role="data" if kind == "data" else "background"
                )
                for name, kind in processes.items()
            ),
        ),
    )
    inputs = tuple(
        InputRow(
            name=f"{name}.root",
            url=f"{name}.root",
            size=1,
            identity="",
            process=name,
            dataset=None if kind == "data" else datasets[name],
            period=None,
            entries=10,
            events_processed=10,
            status="processed",
        )
        for name, kind in processes.items()
    )
    scaled = tuple(
        Normalisation(
            dataset=datasets[name],
            process=name,
            factor=factors.get(name),
            cross_section=None,
            sum_of_weights=None,
            fraction=1.0,
            source="file",
            note="" if factors.get(name) else f"dataset {datasets[name]}: its cross-section is not known",
        )
        for name, kind in processes.items()
        if kind == "mc"
    )
    whole: dict[str, object] = {
        "femtobarn": "0",
        "results_version": 1,
        "analysis": spec,
        "identity": "",
        "plan": "",
        "mode": "physics",
        "release": spec.release,
        "complete": True,
        "simulated": True,
        "files_wanted": len(inputs),
        "files_given": len(inputs),
        "files_processed": len(inputs),
        "files_failed": 0,
        "files_skipped": 0,
        "missing": (),
        "events_processed": 10 * len(inputs),
        "luminosity": Luminosity(value=luminosity, nominal=None, source="given", note="not given"),
        "normalisations": scaled,
        "notes": (),
        "settings": Settings(part_bytes=1, chunk_entries=1),
        "inputs": inputs,
        "environment": Environment(instruction_set="", versions=()),
        "mixed_environments": False,
        "started": "",
        "finished": "",
        "seconds": 1.0,
        "command": "",
    }
    return RunInfo.model_validate({**whole, **changes})


def write_run(
    out: Path, record: SpectraRecord, by_process: Mapping[str, SpectraSums], info: RunInfo
) -> RunDirectory:
    """Write a run directory with what readers of spectra need."""
    directory = RunDirectory(out)
    out.mkdir()
    write_sums(directory.spectra, record, by_process)
    directory.info.write_text(info.model_dump_json())
    return directory


def keep_values(folder: Path, record: SpectraRecord, parts: dict[str, SpectraSums]) -> None:
    """Write the single values of sums, one file for each process."""
    with values_of(record, folder) as take:
        assert take is not None
        for name, one in parts.items():
            kind: Kind = "data" if one.events.shape[1] == 1 else "mc"
            take(InputFile(name="f", url="f", size=1, identity="", kind=kind, process=name), one)


WITH_VALUES = scan(values=True)


def damages(good: bytes) -> Sequence[bytes]:
    """Return a zip archive with an unknown compression, and with bytes that cannot be unpacked."""
    unknown, broken = bytearray(good), bytearray(good)
    with zipfile.ZipFile(io.BytesIO(good)) as source:
        at = source.start_dir
        for one in source.infolist():
            unknown[at + 10] = 99
            at = good.find(b"PK\x01\x02", at + 1)
            start = one.header_offset + 30
            start += sum(int.from_bytes(good[start - k : start - k + 2], "little") for k in (4, 2))
            broken[start] = 0xFF  # a block of a kind that there is not
    return bytes(unknown), bytes(broken)
