"""The real servers are what they claim to be."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import Certificates
from .daemons import until
from .hosts import CHECKOUT, Host, Hosts
from .rabbitmq import RabbitMQ
from .slurm import Slurm

pytestmark = pytest.mark.services
pika = pytest.importorskip("pika", reason="NO PIKA: RabbitMQ was NOT tested; install femtobarn[rabbitmq]")

LASTING = pika.BasicProperties(delivery_mode=2)
CONNECTS = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()"
CONNECTS_ENCRYPTED = """
import pika, ssl, sys
parameters = pika.URLParameters(sys.argv[1])
parameters.ssl_options = pika.SSLOptions(ssl.create_default_context(cafile=sys.argv[2]), sys.argv[3])
pika.BlockingConnection(parameters).close()
"""
SERVES = """
import socket
with socket.create_server(("0.0.0.0", 7000)) as server:
    print("ready", flush=True)
    while True:
        server.accept()[0].close()
"""


def connection(broker: RabbitMQ) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(broker.url))


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_confirmed_message_survives_the_end_of_the_broker(broker: RabbitMQ, end: str) -> None:
    client = connection(broker)
    channel = client.channel()
    channel.confirm_delivery()
    channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_declare("lost")
    channel.basic_publish("", "kept", b"words", LASTING)
    channel.basic_publish("", "lost", b"words")
    getattr(broker, end)()
    with pytest.raises(pika.exceptions.AMQPError):
        client.process_data_events(10)
    assert not broker.running
    broker.start()
    with connection(broker) as client:
        channel = client.channel()
        assert channel.basic_get("kept", auto_ack=True)[2] == b"words"
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
            channel.queue_declare("lost", passive=True)


def test_the_broker_of_a_test_is_empty(broker: RabbitMQ) -> None:
    with connection(broker) as client:
        client.channel().queue_declare("left", durable=True)
    assert broker.ctl("list_queues", "--vhost", broker.vhost, "name").split() == ["name", "left"]
    broker.purge()
    assert broker.ctl("list_queues", "--vhost", broker.vhost, "name").split() == []
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(broker.url.replace(broker.password, "guest")))


def test_a_paused_broker_keeps_connections_and_answers_nothing(broker: RabbitMQ) -> None:
    with connection(broker) as client:
        channel = client.channel()
        broker.pause()
        with socket.create_connection(("127.0.0.1", broker.port), 0.3) as stranger:
            stranger.sendall(b"AMQP\x00\x00\x09\x01")
            with pytest.raises(TimeoutError):
                stranger.recv(1)
            broker.resume()
            stranger.settimeout(20)
            assert stranger.recv(1) == b"\x01"
        channel.queue_declare("after")


@pytest.fixture(scope="module")
def network() -> Iterator[Hosts]:
    with Hosts() as running:
        yield running


@pytest.fixture(scope="module")
def authority(network: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), network.gateway)


@pytest.fixture(scope="module")
def encrypted(network: Hosts, authority: Certificates) -> Iterator[RabbitMQ]:
    """A broker that speaks TLS, which the hosts reach, and which soon loses patience."""
    with RabbitMQ(tls=authority, addresses=(network.gateway,), consumer_timeout=1) as running:
        yield running


def test_tls_works_with_the_authority_alone(encrypted: RabbitMQ, authority: Certificates) -> None:
    parameters = pika.URLParameters(encrypted.tls_url)
    parameters.ssl_options = pika.SSLOptions(authority.client_context(), "127.0.0.1")
    with pika.BlockingConnection(parameters) as client:
        assert client.is_open
    parameters.ssl_options = pika.SSLOptions(ssl.create_default_context(), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate in certificate chain"):
        pika.BlockingConnection(parameters)


def test_a_host_reaches_the_broker_by_tls(
    network: Hosts, encrypted: RabbitMQ, authority: Certificates
) -> None:
    host = network[2]
    host.path("/root/ca.pem").write_bytes(authority.ca.read_bytes())
    url = encrypted.at(network.gateway, tls=True)
    host.run(sys.executable, "-c", CONNECTS_ENCRYPTED, url, "/root/ca.pem", network.gateway)


def test_a_consumer_that_does_not_acknowledge_loses_its_channel(encrypted: RabbitMQ) -> None:
    with connection(encrypted) as client:
        channel = client.channel()
        channel.queue_declare("slow")
        channel.basic_publish("", "slow", b"words")
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="timed out"):
            list(channel.consume("slow", inactivity_timeout=20))


def test_hosts_have_own_addresses_and_can_be_cut_off(network: Hosts) -> None:
    first, second, third = network
    with second.popen([sys.executable, "-c", SERVES], stdout=-1) as server:
        assert server.stdout.readline() == b"ready\n"

        def reaches(host: Host) -> bool:
            call = host.popen([sys.executable, "-c", CONNECTS, second.address, "7000"], stderr=-3)
            return call.wait(20) == 0

        assert (reaches(first), reaches(third)) == (True, True)
        network.cut(third)
        assert (reaches(first), reaches(third)) == (True, False)
        network.join(third)
        until(lambda: reaches(third), 20, "it does not come back")
        network.cut(second)
        assert not reaches(first)
        network.join(second)
        until(lambda: reaches(first), 20, "it does not come back")
        server.kill()


def test_hosts_share_no_files(network: Hosts, tmp_path: Path) -> None:
    first, second, _ = network
    (tmp_path / "file").write_text("of the test")
    for folder in ("/tmp", "/root", "/dev/shm", "/var/tmp"):
        first.run("sh", "-c", f"echo words >{folder}/file")
        assert first.path(f"{folder}/file").read_text() == "words\n"
        assert not second.path(f"{folder}/file").exists()
        assert not Path(folder, "file").exists()
    there = "import os, socket, sys; print(socket.gethostname(), *(os.path.exists(p) for p in sys.argv[1:]))"
    paths = [str(tmp_path), str(CHECKOUT / "pyproject.toml"), "/tmp/file"]
    assert second.run(sys.executable, "-c", there, *paths).split() == ["host1", "False", "True", "False"]
    with pytest.raises(AssertionError, match="Read-only file system"):
        second.run("touch", str(CHECKOUT / "file"))


def test_an_array_runs_at_once(slurm_queue: Slurm, tmp_path: Path) -> None:
    # each element ends when all four have begun
    script = f"cd {tmp_path}; touch $SLURM_ARRAY_TASK_ID; until test -f 0 -a -f 1 -a -f 2 -a -f 3; do sleep 0.05; done"
    job = slurm_queue.run("sbatch", "--parsable", "--array=0-3", f"--wrap={script}").strip()
    assert set(slurm_queue.queue()) <= {f"{job}_{n}" for n in range(4)}
    slurm_queue.wait_idle(30)
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1", "2", "3"}
    assert slurm_queue.run("scontrol", "show", "job", job).count("JobState=COMPLETED") == 4


def test_an_element_can_be_killed(slurm_queue: Slurm, tmp_path: Path) -> None:
    script = f"cd {tmp_path}; touch $SLURM_ARRAY_TASK_ID; until test -f go; do sleep 0.05; done"
    job = slurm_queue.run("sbatch", "--parsable", "--array=0-1", f"--wrap={script}").strip()
    until(lambda: {path.name for path in tmp_path.iterdir()} == {"0", "1"}, 30, "they do not begin")
    for pid in slurm_queue.pids(SLURM_ARRAY_JOB_ID=job, SLURM_ARRAY_TASK_ID="1"):
        os.kill(pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    slurm_queue.wait_idle(30)
    said = slurm_queue.run("scontrol", "show", "job", job)
    assert (said.count("JobState=COMPLETED"), said.count("JobState=FAILED")) == (1, 1)


def test_the_pbs_dialect_runs_a_job(pbs: Slurm, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/sh\n#PBS -N words -l select=1:ncpus=1:mem=100mb\necho $0 >{tmp_path}/said\n")
    job = pbs.run("qsub", "-l", "walltime=00:05:00", str(script)).strip()
    assert job in pbs.run("qstat")
    pbs.wait_idle(30)
    assert (tmp_path / "said").exists()
    waits = pbs.run("qsub", "-h", str(script)).strip()
    assert pbs.queue() == [waits]
    pbs.run("qdel", waits)
    pbs.wait_idle(30)
