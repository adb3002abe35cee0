"""Nothing is left of the real servers, however the test process ends."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .daemons import processes, until
from .hosts import CHECKOUT, Hosts
from .rabbitmq import RabbitMQ
from .slurm import Slurm

pytestmark = pytest.mark.services

KILLED = """
import sys
from tests.servers.test_leftovers import SERVERS, busy, network_of
server = SERVERS[sys.argv[1]]().__enter__()
busy(server)
print(server.folder, network_of(server), flush=True)
sys.stdin.read()
"""


def hosts() -> Hosts:
    return Hosts(2)


SERVERS: dict[str, Callable[[], RabbitMQ | Slurm | Hosts]] = {
    "rabbitmq": RabbitMQ,
    "slurm": Slurm,
    "hosts": hosts,
}


def busy(server: RabbitMQ | Slurm | Hosts) -> None:
    """Let it have something to end: a job that runs, a process on a host."""
    if isinstance(server, Slurm):
        server.run("sbatch", f"--wrap=touch {server.folder}/begun; sleep 600; true")
        until((server.folder / "begun").exists, 30, "the job does not begin")
    if isinstance(server, Hosts):
        server[1].popen(["sleep", "600"], env={"OF": str(server.folder)})


def of(folder: str) -> list[str]:
    """The processes that have ``folder`` in their command line or environment."""

    def told(process: Path) -> bool:
        words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        return folder.encode() in words

    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in processes(told)]


def network_of(server: RabbitMQ | Slurm | Hosts) -> str:
    """The folder of the link by which the test process belongs to its network, if it has one."""
    return f"/sys/class/net/{server.link}" if isinstance(server, Hosts) else "/sys/class/net/none"


@pytest.mark.parametrize("name", SERVERS)
def test_nothing_is_left(name: str) -> None:
    with SERVERS[name]() as server:
        busy(server)
        assert of(str(server.folder))
        network = Path(network_of(server))
        assert network.exists() == (name == "hosts")
    assert of(str(server.folder)) == []
    assert not server.folder.exists()
    assert not network.exists()


@pytest.mark.parametrize("name", SERVERS)
def test_nothing_runs_on_when_the_test_process_is_killed(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, name],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        try:
            folder, network = driver.stdout.readline().split()
            assert of(folder)
            assert Path(network).exists() == (name == "hosts")
        finally:
            driver.kill()
    try:
        until(lambda: not of(folder), 20, f"what uses {folder} does not end")
        until(lambda: not Path(network).exists(), 20, f"{network} is left")
    finally:
        shutil.rmtree(folder)
