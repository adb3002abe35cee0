"""Three hosts with addresses of their own and no shared disk: scheduler on one, workers on two, one of them cut off."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.servers.certificates import Certificates
from tests.servers.daemons import until
from tests.servers.hosts import Host, Hosts

from femtobarn.base.records import AnalysisSpec, LedgerRow, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import exit_code, run

from .clusters import PRELOAD, SOURCE, Told, dask, same

pytestmark = pytest.mark.services

Make = Callable[..., Settings]


class Cluster:
    """A scheduler on the first host; workers where they are asked for."""

    def __init__(self, hosts: Hosts, certificates: Certificates) -> None:
        self._hosts = hosts
        tls = {"ca-file": certificates.ca, "cert": certificates.cert, "key": certificates.key}
        self._tls = [f"--tls-{name}={path}" for name, path in tls.items()]
        self.address = f"tls://{hosts[0].address}:8786"
        self.options: dict[str, object] = {
            "address": self.address,
            "tls_ca": certificates.ca,
            "tls_cert": certificates.cert,
            "tls_key": certificates.key,
        }
        self._start(hosts[0], "scheduler", "--port", "8786", "--scheduler-file", "/root/here")
        until(hosts[0].path("/root/here").exists, 60, "no scheduler")

    def log(self) -> str:
        """What the scheduler wrote."""
        return self._hosts[0].path("/root/scheduler.log").read_text()

    def work(self, host: Host, name: str, **files: str) -> None:
        trouble = {"TROUBLE": json.dumps(files)}
        self._start(host, "worker", self.address, "--nthreads", "1", "--name", name, environment=trouble)

    def _start(self, host: Host, kind: str, *words: str, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", host.address, *self._tls]
        environment = {
            "PYTHONPATH": str(SOURCE),
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps([str(PRELOAD)]),
            **(environment or {}),
        }
        log = host.path(f"/root/{kind}.log").open("ab")
        with log:
            host.popen(
                [*command, "--protocol", "tls", "--no-dashboard", *words], environment, stdout=log, stderr=log
            )


@pytest.mark.parametrize("how", ["briefly", "for long"])
def test_one_host_is_cut_off_and_brought_back(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, folder: Path, local: Path, tmp_path: Path, how: str
) -> None:
    """Briefly: its worker goes on. For long: the scheduler gives it up, and another one comes there."""
    with ExitStack() as stack:
        certificates = Certificates(tmp_path / "keys")
        hosts = stack.enter_context(Hosts(3, visible=[folder, certificates.folder]))
        cluster = Cluster(hosts, certificates)
        here, cut = hosts[1], hosts[2]
        cluster.work(here, "one", **{inputs.files[3].name: "hold:/root/go"})
        cluster.work(cut, "two", **{".root": "hold:/root/go"})  # whatever it takes, it does not end
        happened: list[str] = []

        def cut_off(row: LedgerRow) -> None:
            if not happened:
                until(cut.path("/root/go.held").exists, 30, "the second host has no task")
                hosts.cut(cut)
                happened.append("cut")

        class Stuck(Told):
            def notice(self, words: str) -> None:
                super().notice(words)
                if happened == ["cut"]:
                    if how == "for long":
                        until(lambda: "Remove worker addr" in cluster.log(), 60, "nobody misses the host")
                    hosts.join(cut)
                    happened.append("back")
                    if how == "for long":
                        cluster.work(cut, "three")
                    else:
                        cut.path("/root/go").touch()
                elif "back" in happened and (how == "briefly" or "name: three" in cluster.log()):
                    here.path("/root/go").touch()

        told = Stuck(cut_off)
        info = run(spec, inputs, dask(settings, **cluster.options, stall=6), tmp_path / "out", told).info
        assert ("Remove worker addr" in cluster.log()) == (how == "for long")
    assert exit_code(info) == 0
    assert happened == ["cut", "back"]
    assert {row.worker for row in told.rows} == {"one", "three" if how == "for long" else "two"}
    assert same(tmp_path / "out", local)
