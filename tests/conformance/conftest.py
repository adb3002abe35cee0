"""A plan with everything in it, the same done in this process, and executors by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uproot
from tests.batch.wide import wide_analysis, write_wide
from tests.running.toys import RELEASE, mc_name, write_events
from tests.storage.servers_xrootd import XRootDServer

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.run import run
from femtobarn.running.executors.local import LocalExecutor

from .engines import DaskLocal, Engine, Local, Rabbit, Several, SlurmArray

BASE = Settings(workers=0, part_bytes=8_000, chunk_entries=300, figures=False)
DAMAGED, TRUNCATED, EMPTY = mc_name(700601), mc_name(345062), mc_name(700602)


@pytest.fixture(scope="session")
def spec() -> AnalysisSpec:
    return wide_analysis().freeze(release=RELEASE)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten files of several parts: one is damaged in the middle, one ends early, one has no events."""
    place = write_wide(tmp_path_factory.mktemp("data"))
    with uproot.open(place / DAMAGED) as file:
        middle = int(file["analysis"]["lep_pt"].member("fBasketSeek")[2])
    damaged = bytearray((place / DAMAGED).read_bytes())
    damaged[middle + 200 : middle + 400] = bytes(200)
    (place / DAMAGED).write_bytes(damaged)
    whole = (place / TRUNCATED).read_bytes()
    (place / TRUNCATED).write_bytes(whole[: len(whole) // 2])
    write_events(place / EMPTY, 0, channel=700602)
    return place


@pytest.fixture(scope="session")
def inputs(spec: AnalysisSpec, folder: Path) -> Inputs:
    return gather(spec, folder)


@pytest.fixture(scope="session")
def truth(spec: AnalysisSpec, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the plan, done in this process."""
    out = tmp_path_factory.mktemp("truth") / "out"
    run(spec, inputs, BASE, out, runner=LocalExecutor(0))
    return out


@pytest.fixture
def engine_of(request: pytest.FixtureRequest) -> Callable[[str], Engine]:
    """Makes executors by name; the servers they need are started when one asks for them."""

    def one(name: str) -> Engine:
        if name.startswith("local"):
            return Local(int(name.removeprefix("local-") if "-" in name else 1))
        if name == "dask":
            return DaskLocal(2)
        if name == "rabbitmq":
            return Rabbit(request.getfixturevalue("broker"))
        assert name == "batch"
        return SlurmArray(request.getfixturevalue("slurm_queue"))

    def make(name: str) -> Engine:
        names = name.split("+")
        return one(name) if len(names) == 1 else Several(*map(one, names))

    return make


@pytest.fixture
def engine(request: pytest.FixtureRequest, engine_of: Callable[[str], Engine]) -> Engine:
    """The executor that a test is parametrised with."""
    return engine_of(request.param)


@pytest.fixture(scope="session")
def xrootd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[XRootDServer]:
    pytest.importorskip("XRootD", reason="NO XROOTD CLIENT: root:// stores were NOT tried")
    with XRootDServer(tmp_path_factory.mktemp("xrootd")) as running:
        yield running


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of the kind that a test is parametrised with: a folder, or a place of the real XRootD."""
    if request.param == "folder":
        return str(tmp_path / "store")
    server = request.getfixturevalue("xrootd")
    return server.http(tmp_path.name) if request.param == "http" else server.root(tmp_path.name)
