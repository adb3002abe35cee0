"""What may be asked of Dask, and what is made of it: job scripts and pods, rendered and checked here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.records import Settings
from femtobarn.running.executors.dask.executor import DaskExecutor
from femtobarn.running.executors.dask.jobs import arguments, life, words
from femtobarn.running.executors.dask.kubernetes import cluster_spec, quantity
from femtobarn.running.executors.dask.messages import Wanted
from femtobarn.running.executors.dask.options import DaskOptions, check_address, seconds_of
from femtobarn.running.executors.dask.started import _wanted

from .clusters import dask

Make = Callable[..., Settings]
JOBS = {"memory": "4GB", "walltime": "02:00:00", "host": "127.0.0.1"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cluster": "slurm", "host": "127.0.0.1"}, "option walltime and memory of executor dask for slurm"),
        (
            {"cluster": "pbs", "host": "127.0.0.1", "memory": "1GB"},
            "option walltime of executor dask for pbs",
        ),
        ({"cluster": "htcondor", **JOBS}, "option disk .* HTCondor needs it"),
        (
            {"cluster": "slurm", "memory": "1GB", "walltime": "01:00:00"},
            r"interface or host .* machine: .*\blo\b",
        ),
        ({"cluster": "slurm", **JOBS, "interface": "lo"}, "option interface or host"),
        ({"cluster": "slurm", **JOBS, "walltime": "2 hours"}, "expected HH:MM:SS"),
        ({"cluster": "slurm", **JOBS, "lifetime": 7200}, r"must be below the walltime \(7200 s\)"),
        ({"cluster": "slurm", **JOBS, "memory": "much"}, "Option memory of executor dask"),
        ({"cluster": "slurm", **JOBS, "queue": "a b"}, "Option queue of executor dask"),
        ({"cluster": "slurm", **JOBS, "extra": "--a\n#SBATCH --b"}, "Option extra of executor dask"),
        ({"cluster": "slurm", "address": "tcp://127.0.0.1:1"}, "but got both"),
        ({"cluster": "kubernetes"}, "option image and memory"),
        (
            {"cluster": "kubernetes", "image": "x:1", "memory": "1GB"},
            "Add kubernetes to FEMTOBARN_PLAIN_HOSTS",
        ),
        ({"cluster": "nomad"}, "Option cluster of executor dask"),
        ({"address": "tcp://127.0.0.1:1", "scheduler_file": "x"}, "but got both"),
        ({"address": "tls://somewhere:1"}, "wants TLS. Give tls_ca, tls_cert and tls_key"),
        ({"address": "tls://somewhere:1", "tls_ca": "x"}, "tls_cert and tls_key is missing"),
        ({"address": "tcp://somewhere:8786"}, "add somewhere to FEMTOBARN_PLAIN_HOSTS"),
        ({"address": "http://me:hunter2@127.0.0.1:8786"}, "http://127.0.0.1:8786"),
        ({"address": "http://127.0.0.1:8786"}, "tcp://host:port, but got 'http://127.0.0.1:8786'"),
        ({"scheduler_file": "/nowhere"}, None),
        ({"window": 0}, "Option window"),
        ({"stall": "nan"}, "Option stall"),
    ],
)
def test_what_is_refused(settings: Make, options: dict[str, object], words: str | None) -> None:
    if words is None:  # the file is looked at when the run begins
        DaskExecutor.from_settings(dask(settings, **options))
        return
    with pytest.raises(SettingsError, match=words) as caught:
        DaskExecutor.from_settings(dask(settings, **options))
    assert "hunter2" not in str(caught.value)


def test_a_word_that_is_no_option_is_told_with_the_nearest(settings: Make) -> None:
    with pytest.raises(UnknownNameError, match="'walltime'"):
        DaskExecutor.from_settings(dask(settings, waltime="1"))


def test_plain_hosts_are_those_of_this_machine_and_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://localhost:1", "tls://far:1"):
        check_address(address)
    with pytest.raises(SettingsError):
        check_address("tcp://far:1")
    monkeypatch.setenv("FEMTOBARN_PLAIN_HOSTS", "other,FAR")
    check_address("tcp://far:1")


def test_jobs_may_wait_in_their_queue_for_hours() -> None:
    assert DaskOptions().patience == DaskOptions(address="tcp://127.0.0.1:1").patience == 300
    for system in ("slurm", "pbs", "htcondor"):
        assert DaskOptions(cluster=system).patience == 24 * 3600
        assert DaskOptions(cluster=system, no_workers_timeout=8).patience == 8


def test_jobs_are_submitted_in_a_folder_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = DaskOptions(cluster="pbs", python="env/bin/python")
    wanted = _wanted(given, 1, Path("out/dask"))
    assert wanted.folder == str(tmp_path / "out" / "dask")
    assert (tmp_path / "out" / "dask").stat().st_mode & 0o777 == 0o700
    assert wanted.options.python == str(tmp_path / "env/bin/python")
    assert _wanted(DaskOptions(), 2, Path("other")).folder == ""
    assert not (tmp_path / "other").exists()


def test_walltimes() -> None:
    assert seconds_of("00:30:00") == 1800
    assert seconds_of("1-02:00:00") == 26 * 3600
    assert seconds_of("48:00") == 48 * 3600


@pytest.mark.parametrize("walltime", ["00:02:00", "00:30:00", "3-00:00:00"])
def test_workers_end_before_the_walltime_does(walltime: str) -> None:
    lifetime, stagger = life(DaskOptions(cluster="slurm", memory="1GB", walltime=walltime, host="h"))
    whole = seconds_of(walltime)
    assert stagger > 0
    assert whole / 2 < lifetime + stagger < whole
    assert life(DaskOptions(walltime=walltime, lifetime=10.0))[0] == 10


def rendered(tmp_path: Path, **options: Any) -> str:
    import dask_jobqueue

    given = DaskOptions(**{**JOBS, "host": "", "interface": "ib0", "jobs": 3, "cores": 4, **options})
    wanted = Wanted(options=given, workers=1, folder=str(tmp_path), name="femtobarn-1")
    told = arguments(wanted)
    kinds = {"slurm": "SLURMJob", "pbs": "PBSJob", "htcondor": "HTCondorJob"}
    kind = getattr(getattr(dask_jobqueue, given.cluster), kinds[given.cluster])
    for name in ("scheduler_options", "shared_temp_directory"):  # are for the cluster, not for its jobs
        told.pop(name)
    return str(kind(scheduler="tls://10.0.0.1:1234", **told).job_script())


def test_script_for_slurm(tmp_path: Path) -> None:
    script = rendered(tmp_path, cluster="slurm", queue="long", account="us", extra="--nice; --exclusive")
    for line in (
        "-J femtobarn-1",
        "-p long",
        "-A us",
        "--cpus-per-task=4",
        "--mem=4G",
        "-t 02:00:00",
        "--nice",
        "--exclusive",
    ):
        assert f"\n#SBATCH {line}\n" in script
    assert "\nexport OMP_NUM_THREADS=1\n" in script
    assert "\nexport DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE=False\n" in script
    command = script.strip().splitlines()[-1]
    assert "--nthreads 1 --memory-limit 0.93GiB --nworkers 4" in command
    assert "--interface ib0" in command
    assert "--lifetime 6600s --lifetime-stagger 300s" in command
    assert "--no-dashboard" in command
    assert "--host" not in command


def test_script_for_pbs(tmp_path: Path) -> None:
    script = rendered(tmp_path, cluster="pbs", host="127.0.0.1", interface="")
    for line in ("-N femtobarn-1", "-l select=1:ncpus=4:mem=3815MB", "-l walltime=02:00:00"):
        assert f"\n#PBS {line}\n" in script
    assert script.strip().splitlines()[-1].endswith("--host 127.0.0.1")


def test_description_for_htcondor(tmp_path: Path) -> None:
    text = rendered(tmp_path, cluster="htcondor", disk="2GB", extra='+Flavour="x"; priority=3')
    about = dict(re.findall(r"^(\S+) = (.*)$", text, re.MULTILINE))
    assert about["allowed_execute_duration"] == "7200"
    assert about["MY.DaskWorkerCores"] == "4"
    assert about["MY.DaskWorkerDisk"] == "2000000000"
    assert about["+Flavour"] == '"x"'
    assert about["priority"] == "3"
    assert "export OMP_NUM_THREADS=1; " in about["Arguments"]
    assert text.rstrip().endswith("Queue")


def test_what_is_asked_is_told() -> None:
    options = DaskOptions(
        cluster="slurm", jobs=3, cores=4, interface="ib0", memory="4GB", walltime="02:00:00"
    )
    told = words(options, Path("out/dask/job.txt"))
    assert told.startswith(
        "3 jobs for slurm: 4 workers with 4GB in all, walltime 02:00:00 each; workers end after about 6600 s"
    )
    assert told.endswith("Their script is out/dask/job.txt.")


def pods() -> dict[str, Any]:
    options = DaskOptions(cluster="kubernetes", image="registry/femtobarn:1", memory="2 GiB")
    return cluster_spec(Wanted(options=options, workers=5, folder="/x", name="femtobarn-1"))


@pytest.mark.parametrize("part", ["worker", "scheduler"])
def test_pods_are_what_kubernetes_takes(part: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pods()["spec"][part]["spec"]}
    kubernetes_validate.validate(pod, "1.29", strict=True)
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert container["securityContext"]["runAsNonRoot"]
    pod["spec"]["containers"][0]["image"] = 7
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, "1.29", strict=True)


def test_the_service_of_the_scheduler_is_what_kubernetes_takes() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": pods()["spec"]["scheduler"]["service"],
    }
    kubernetes_validate.validate(service, "1.29", strict=True)


def test_workers_in_pods() -> None:
    spec = pods()
    assert spec["spec"]["worker"]["replicas"] == 5
    (container,) = spec["spec"]["worker"]["spec"]["containers"]
    assert container["args"][:6] == ["dask", "worker", "--nthreads", "1", "--memory-limit", "2GiB"]
    assert {"name": "OMP_NUM_THREADS", "value": "1"} in container["env"]


def test_bytes_as_kubernetes_writes_them() -> None:
    assert [quantity(text) for text in ("4GB", "4 GiB", "500MB", "1.5kB")] == ["4G", "4Gi", "500M", "1.5k"]
