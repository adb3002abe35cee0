"""Fixtures of real servers; what no test asks for is neither imported nor started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .certificates import Certificates
    from .hosts import Hosts
    from .rabbitmq import RabbitMQ
    from .slurm import Slurm


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and a certificate for this machine."""
    from .certificates import Certificates

    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """The real RabbitMQ; use ``broker`` unless what others left there does not matter."""
    from .rabbitmq import RabbitMQ

    with RabbitMQ() as running:
        yield running


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> RabbitMQ:
    """The real RabbitMQ, running and empty."""
    if rabbitmq.running:
        rabbitmq.resume()
    else:
        rabbitmq.start()
    rabbitmq.purge()
    return rabbitmq


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A real Slurm of one node; use ``slurm_queue`` unless jobs of others do not matter."""
    from .slurm import Slurm

    with Slurm() as running:
        yield running


@pytest.fixture
def slurm_queue(slurm: Slurm) -> Iterator[Slurm]:
    """The real Slurm, without jobs before and after."""
    slurm.cancel_all()
    yield slurm
    slurm.cancel_all()


@pytest.fixture
def pbs(slurm_queue: Slurm) -> Slurm:
    """The PBS dialect (qsub, qstat, qdel) over the real Slurm: no real PBS can be installed."""
    from .slurm import pbs_dialect

    pbs_dialect()
    return slurm_queue


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Three hosts with own addresses, own disks, which can be cut off."""
    from .hosts import Hosts

    with Hosts() as running:
        yield running
