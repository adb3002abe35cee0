"""A real Slurm of one node on loopback, and the PBS dialect over it."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
from typing import Self

from .daemons import Daemon, as_user, bears, free_port, installed, own_folder, processes, until

LOST = "batch systems were"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
PACKAGES = ("slurm-wlm", "munge")


class Slurm:
    """munge, slurmctld and slurmd of their own, on free ports.

    The node says that it has ``cpus`` whatever this machine has, so that so many jobs run at once.
    There is no accounting: what ended is seen by ``scontrol show job`` for some minutes.
    """

    def __init__(self, *, cpus: int = 8) -> None:
        installed(PROGRAMS, PACKAGES, LOST)
        self.folder = own_folder("slurm")
        self.config = self.folder / "slurm.conf"
        self.env = {"SLURM_CONF": str(self.config)}
        self._bearing = f"SLURM_CONF={self.config}"
        self._munge = self.folder / "munge"
        self._socket = self._munge / "socket"
        self._configure(cpus)
        self._daemons = self._make_daemons()

    def start(self) -> None:
        """Start it, and wait until its node takes jobs."""
        munged, controller, node = self._daemons
        munged.start()
        munged.wait_until(self._socket.exists, 20, "munged makes no socket")
        controller.start()
        node.start()
        controller.wait_until(self._node_is_idle, 60, "the Slurm node is not idle")

    def stop(self) -> None:
        """End it and its jobs at once, and remove its folder."""
        for daemon in reversed(self._daemons):
            daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> str:
        """What a command (sbatch, squeue, qsub, ...) prints; it must succeed, if ``check``."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def queue(self) -> list[str]:
        """The ids of what waits or runs, one for each array element (``5_2``)."""
        return self.run("squeue", "--noheader", "--array", "--format=%i").split()

    def pids(self, **variables: str) -> list[int]:
        """The processes of running jobs that have these in their environment (SLURM_ARRAY_TASK_ID, ...)."""
        assert variables, "name at least one, else slurmd is among them"
        entries = [f"{name}={value}" for name, value in variables.items()]
        return list(processes(lambda folder: bears(folder, self._bearing, *entries)))

    def cancel_all(self) -> None:
        """Cancel every job, and wait until they have ended."""
        self.run("scancel", f"--user={getpass.getuser()}")
        self.wait_idle()

    def wait_idle(self, seconds: float = 60.0) -> None:
        """Wait until no job waits or runs."""
        until(lambda: not self.queue(), seconds, "Slurm jobs do not end", pause=0.1)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _node_is_idle(self) -> bool:
        return self.run("sinfo", "--noheader", "--format=%T", check=False).strip() == "idle"

    def _make_daemons(self) -> tuple[Daemon, Daemon, Daemon]:
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        munged = [*as_user("munge"), "munged", "--foreground", "--force", f"--socket={self._socket}"]
        munged += [f"--key-file={self._munge / 'key'}", f"--seed-file={self._munge / 'seed'}"]
        munged += [f"--pid-file={self._munge / 'pid'}", f"--log-file={self._munge / 'log'}"]
        return (
            Daemon(munged, log=self.folder / "munged.out", environment=environment),
            Daemon(
                ["slurmctld", "-D", "-i", "-f", str(self.config)],
                log=self.folder / "slurmctld.out",
                environment=environment,
            ),
            Daemon(
                ["slurmd", "-D", "-N", "node", "-f", str(self.config)],
                log=self.folder / "slurmd.out",
                environment={**environment, **self.env},
                bearing=self._bearing,
            ),
        )

    def _configure(self, cpus: int) -> None:
        self._munge.mkdir()
        key = self._munge / "key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(64))
        key.chmod(0o400)
        if os.geteuid() == 0:
            for path in (self._munge, key):
                shutil.chown(path, "munge", "munge")
        name, user, folder = socket.gethostname().split(".")[0], getpass.getuser(), self.folder
        settings = {
            "ClusterName": "tests",
            "SlurmctldHost": f"{name}(127.0.0.1)",
            "SlurmctldPort": free_port(),
            "SlurmdPort": free_port(),
            "SlurmUser": user,
            "SlurmdUser": user,
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self._socket}",
            "StateSaveLocation": folder / "state",
            "SlurmdSpoolDir": folder / "spool",
            "SlurmctldPidFile": folder / "slurmctld.pid",
            "SlurmdPidFile": folder / "slurmd.pid",
            "SlurmctldLogFile": folder / "slurmctld.log",
            "SlurmdLogFile": folder / "slurmd.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            "JobAcctGatherType": "jobacct_gather/linux",
            "AccountingStorageType": "accounting_storage/none",
            "MpiDefault": "none",
            "ReturnToService": 2,
            # loopback only: without these they listen on every address
            "CommunicationParameters": "NoInAddrAny,NoCtldInAddrAny",
            # the processors of the node are what is written here
            "SlurmdParameters": "config_overrides",
            "SchedulerParameters": "batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1",
            # seconds between the signals to end and to die of a cancelled job
            "KillWait": 2,
        }
        lines = [f"{key}={value}" for key, value in settings.items()]
        lines += [
            f"NodeName=node NodeHostname={name} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={cpus * 2000} State=UNKNOWN",
            "PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=500 State=UP",
        ]
        self.config.write_text("\n".join(lines) + "\n")
        (folder / "state").mkdir()


def pbs_dialect() -> None:
    """See that qsub, qstat and qdel over Slurm are there; install them where that is possible, else skip."""
    installed(["qsub", "qstat", "qdel"], ["slurm-wlm-torque"], "the PBS dialect was")
