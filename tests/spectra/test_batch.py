"""A scan in slices on a real Slurm: the merge is equal to one job, whatever became of a slice."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import uproot
from tests.batch.test_slurm import Gate
from tests.batch.test_slurm import gate as gate  # noqa: PLC0414 - a fixture
from tests.batch.test_slurm import queue as queue  # noqa: PLC0414 - a fixture
from tests.servers.slurm import Slurm

from femtobarn.api import batch
from femtobarn.api import spectra as api
from femtobarn.base.errors import MergeError
from femtobarn.cli.main import main
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.results.spectra.folder import SUMS

from .events import SMALL, write_config, write_folder

pytestmark = pytest.mark.services

SLICES = 8
PARTS = {"part_bytes": 8_000, "chunk_entries": 70}
ASKED = {"system": "slurm", "jobs": str(SLICES), "walltime": "00:05:00", "memory": "500MB"}
ASKED |= {"poll": "0.5", "python": sys.executable}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many files as slices: the parts of a file stay together."""
    return write_folder(tmp_path_factory.mktemp("spectra") / "data", files=SLICES - 2)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config") / "scan.yaml", **SMALL)


@pytest.fixture(scope="module")
def one_job(config: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the same plan, done here."""
    out = tmp_path_factory.mktemp("one") / "out"
    assert api.run(config, data, out=out, workers=0, figures=False, **PARTS).exit_code == 0
    return out


def same(out: Path, other: Path) -> bool:
    """Tell whether two scans have found the same, bin for bin, and written the same histograms."""
    names = (f"spectra/{SUMS}", "spectra/processed.npz", "cutflow.csv")
    return all((out / name).read_bytes() == (other / name).read_bytes() for name in names) and all(
        histograms(out / "spectra" / name) == histograms(other / "spectra" / name)
        for name in ("data.root", "mc.root", "data_processed.root", "mc_processed.root")
    )


def histograms(path: Path) -> dict[str, bytes]:
    with uproot.open(path) as file:
        return {name: file[name].values(flow=True).tobytes() for name in file}


def submitted(config: Path, data: Path, out: Path, gate: Gate) -> BatchFolder:
    asked = {**ASKED, "setup": gate.setup}
    batch.submit(config, data, batch=asked, out=out, figures=False, **PARTS)
    (folder,) = BatchFolder.all(out)
    assert len(folder.slices) == SLICES
    return folder


def test_the_merge_of_slices_equals_one_job_after_one_was_killed(
    queue: Slurm, gate: Gate, config: Path, data: Path, one_job: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = submitted(config, data, out, gate)
    gate.wait_until_reached()
    for pid in queue.pids(SLURM_ARRAY_TASK_ID=str(gate.index)):
        with suppress(ProcessLookupError):  # one may end when its parent does
            os.kill(pid, signal.SIGKILL)
    queue.wait_idle()
    missing = len(first.tasks(gate.index))
    with pytest.raises(MergeError, match=f"slice {gate.index} misses {missing} of {missing}"):
        batch.merge(out)
    assert not (out / "spectra" / SUMS).exists()
    gate.open()
    assert batch.resubmit(out).tasks == missing
    queue.wait_idle()
    assert same(out, one_job), "the job that merges does all stages"


def test_a_scan_that_was_handed_over_and_collected(
    queue: Slurm,
    gate: Gate,
    config: Path,
    data: Path,
    one_job: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    gate.open()
    words: Sequence[object] = ["spectra", "run", config, "--data", data, "--out", out, "--detach"]
    words = [*words, "--executor", "batch", *(f"-x{name}={value}" for name, value in ASKED.items())]
    words = [*words, "--part-bytes", PARTS["part_bytes"], "--chunk-entries", PARTS["chunk_entries"]]
    assert stopped(*words, "--no-figures") == 0
    assert "tasks handed over" in capsys.readouterr().out
    queue.wait_idle()
    assert stopped("collect", out) == 0
    assert same(out, one_job)
    capsys.readouterr()
    assert (
        stopped(
            "spectra", "run", config, "--out", out, "--stages", "fill,process,export,show", "--no-figures"
        )
        == 0
    )
    assert capsys.readouterr().out.count("nothing has changed, not repeated") == 4


def stopped(*words: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code
