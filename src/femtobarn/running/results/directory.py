"""The run directory: its files, written one by one, each complete or not there.

``run.json`` is removed before and written after everything else: where it is, the rest belongs to it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import ValidationError

from femtobarn.base.atomic import remove_temporaries, write_text
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.records import RUN_PLAN, AnalysisSpec, LedgerRow, RunInfo
from femtobarn.running.results import files, shapes, tables
from femtobarn.running.results.cutflow import Cutflow
from femtobarn.running.results.merge import Merged
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.partial import HistogramKey
from femtobarn.running.results.spectra.folder import remove_spectra, write_sums
from femtobarn.running.results.yields import YieldWithErrors


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The paths of a run directory."""

    path: Path

    RESULTS: ClassVar[tuple[str, ...]] = (
        "run.json",
        "ledger.csv",
        "cutflow.csv",
        "yields.csv",
        "histograms.npz",
        "histograms.json",
        "histograms.root",
        "metrics.json",
        "report.html",
    )

    @property
    def info(self) -> Path:
        """Provenance; written last."""
        return self.path / "run.json"

    @property
    def plan(self) -> Path:
        """What the run is to do; written first."""
        return self.path / RUN_PLAN

    @property
    def ledger(self) -> Path:
        """What became of every task and every given file."""
        return self.path / "ledger.csv"

    @property
    def cutflow(self) -> Path:
        """Events after each cut."""
        return self.path / "cutflow.csv"

    @property
    def yields(self) -> Path:
        """Events after each selection at the luminosity of the analysis."""
        return self.path / "yields.csv"

    @property
    def histograms(self) -> Path:
        """The sums of all histograms."""
        return self.path / "histograms.npz"

    @property
    def metrics(self) -> Path:
        """What the run cost."""
        return self.path / "metrics.json"

    @property
    def tasks(self) -> Path:
        """Partial results."""
        return self.path / "tasks"

    @property
    def skim(self) -> Path:
        """Selected events, if the run writes a skim."""
        return self.path / "skim"

    @property
    def spectra(self) -> Path:
        """What a scan of mass spectra found."""
        return self.path / "spectra"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory, made if needed; it is free again when this process ends, however it ends.

        Raises
        ------
        RunDirectoryError
            if another run writes it at this moment, or it cannot be made
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            msg = (
                f"Expected a folder to write results to, but {self.path} cannot be used "
                f"({error.strerror}). Choose another output directory."
            )
            raise RunDirectoryError(msg) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                msg = (
                    f"Another run is writing to {self.path} at this moment. Wait for it, or choose "
                    "another output directory."
                )
                raise RunDirectoryError(msg) from error
            yield
        finally:
            os.close(handle)

    def busy(self) -> bool:
        """Tell whether a run writes the directory now; asking never stands in its way."""
        try:
            handle = os.open(self.path / ".lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def read_info(self) -> RunInfo:
        """Return run.json.

        Raises
        ------
        RunDirectoryError
            if this is not the directory of a finished run
        """
        try:
            return RunInfo.model_validate_json(self.info.read_bytes())
        except FileNotFoundError as error:
            what = (
                "the run there has not finished; run the same command again to continue it"
                if self.plan.is_file()
                else "there is none; check the path"
            )
            msg = f"Expected the results of a run in {self.path}, but {what}."
            raise RunDirectoryError(msg) from error
        except (OSError, ValidationError) as error:
            msg = (
                f"Expected the provenance of a run in {self.info}, but it cannot be read "
                f"({type(error).__name__}). It may be of another version of femtobarn."
            )
            raise RunDirectoryError(msg) from error

    def remove_results(self) -> None:
        """Remove the results of an earlier run, so that nothing stale can be taken for new."""
        for name in self.RESULTS:
            (self.path / name).unlink(missing_ok=True)
        for pattern in ("figures/*.png", "figures/*.pdf", "skim/*.skim.*"):
            for old in self.path.glob(pattern):
                old.unlink(missing_ok=True)
        remove_spectra(self.spectra)


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that goes to a run directory."""

    info: RunInfo
    merged: Merged
    ledger: tuple[LedgerRow, ...]
    cutflow: Cutflow
    yields: tuple[YieldWithErrors, ...]
    metrics: Metrics


def write_directory(directory: RunDirectory, contents: Contents) -> None:
    """Write all files of the contract but figures and report."""
    from femtobarn.running.results.export_root import write_root

    spec = contents.info.analysis
    remove_temporaries([directory.path])
    directory.info.unlink(missing_ok=True)
    tables.write_rows(directory.ledger, LedgerRow, contents.ledger)
    write_text(directory.cutflow, contents.cutflow.text())
    tables.write_rows(directory.yields, YieldWithErrors, contents.yields)
    write_npz(directory.histograms, spec, contents.merged)
    write_text(directory.path / "histograms.json", uhi_json(spec, contents.merged))
    write_root(directory.path / "histograms.root", contents.info, contents.merged)
    if spec.spectra is not None:
        write_sums(directory.spectra, spec.spectra, contents.merged.spectra)
    write_text(directory.metrics, contents.metrics.model_dump_json(indent=2) + "\n")
    write_text(directory.info, contents.info.model_dump_json(indent=2) + "\n")


def write_npz(path: Path, spec: AnalysisSpec, merged: Merged) -> None:
    """Write the sums of all histograms; equal sums give equal bytes.

    ``<selection>/<name>`` is float64 (keys, variations, bins with flow per axis, 2): sums of weights and
    of squared weights; ``<selection>/<name>/keys`` and ``variations`` label the first two axes.
    """
    with files.archive(path, compress=False) as target:
        files.add_array(target, "variations", np.array(spec.variation_keys, dtype=np.str_))
        for (selection, name), sums in sorted(merged.histograms.items()):
            files.add_array(target, f"{selection}/{name}", sums.array)
            files.add_array(target, f"{selection}/{name}/keys", np.array(sums.keys, dtype=np.str_))


def uhi_json(spec: AnalysisSpec, merged: Merged) -> str:
    """Return the nominal histograms in UHI's serialisation, by ``selection/name/<key>``; raw sums."""
    from uhi.io.json import default

    def plain(value: Any) -> Any:
        data = default(value)
        if isinstance(data, dict):
            data.pop("writer_info", None)  # versions do not belong to the result
        return data

    labelled: dict[str, Any] = {}
    for (selection, name), key, index in _keys(merged.histograms):
        record = next(h for h in spec.histograms if h.name == name)
        nominal = merged.histograms[selection, name].array[index, 0]
        labelled[f"{selection}/{name}/{key}"] = plain(shapes.with_sums(record, nominal))
    ordered = {key: labelled[key] for key in sorted(labelled)}
    return json.dumps(ordered, default=plain, indent=None, separators=(",", ":"), ensure_ascii=False) + "\n"


def _keys(histograms: Mapping[HistogramKey, Any]) -> Iterator[tuple[HistogramKey, str, int]]:
    for key, sums in histograms.items():
        for index, name in enumerate(sums.keys):
            yield key, name, index
