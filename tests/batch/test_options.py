"""What is asked of a batch system: required where a guess costs days, refused where it would be ignored."""

from __future__ import annotations

import pytest

from femtobarn.base.errors import SettingsError, UnknownNameError, UsageError
from femtobarn.base.records import Settings
from femtobarn.running.engine.executor import executor
from femtobarn.running.executors.batch.executor import BatchExecutor
from femtobarn.running.executors.batch.options import BatchOptions, mebibytes, seconds_of

GOOD = {"system": "slurm", "jobs": "8", "walltime": "02:00:00", "memory": "2GB"}


def made(**changes: str | None) -> BatchExecutor:
    given = tuple((k, v) for k, v in {**GOOD, **changes}.items() if v is not None)
    settings = Settings(executor="batch", executor_options=given, part_bytes=1000, chunk_entries=1)
    found = executor(settings)
    assert isinstance(found, BatchExecutor)
    return found


def test_options_are_read_from_words() -> None:
    options = made(cores="4", setup="module load a\nmodule load b").options
    assert (options.jobs, options.cores, options.retries) == (8, 4, 1)
    assert BatchOptions.model_validate(dict(options.words())) == options
    assert set(dict(options.words())) == {*GOOD, "cores", "setup"}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_that_costs_days_is_guessed(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        made(**{name: None})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"system": "lsf"}, "'slurm', 'pbs'"),
        ({"jobs": "0"}, "greater than or equal to 1"),
        ({"walltime": "90"}, "HH:MM:SS"),
        ({"walltime": "00:00:00"}, "HH:MM:SS"),
        ({"walltime": "00:61:00"}, "HH:MM:SS"),
        ({"memory": "2"}, "2GB or 500MiB"),
        ({"memory": "0GB"}, "2GB or 500MiB"),
        ({"disk": "much"}, "2GB or 500MiB"),
        ({"queue": "long; rm"}, "letters"),
        ({"account": "a\n#SBATCH --uid=0"}, "letters"),
        ({"python": "py\nthon"}, "one line"),
        ({"setup": "curl https://ann:hush@example.org/x"}, "password"),
        ({"extra": "--comment=\x1b[2J"}, "printable"),
        ({"image": "femtobarn"}, "slurm has no option image"),
        ({"system": "htcondor", "queue": "long"}, "htcondor has no option queue"),
        ({"system": "pbs", "disk": "5GB"}, "pbs has no option disk"),
        ({"system": "k8s-job"}, "needs the options image, volume, mount"),
        ({"system": "k8s-job", "image": "i", "volume": "v", "mount": "/m", "setup": "x"}, "no option setup"),
    ],
)
def test_what_is_not_allowed_is_refused_with_words(changes: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        made(**changes)
    assert "hush" not in str(refused.value)


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="walltime"):
        made(waltime="01:00:00")


@pytest.mark.parametrize(
    ("text", "size"), [("1MiB", 1), ("1MB", 1), ("2GB", 1908), ("2 GiB", 2048), ("1.5TB", 1430512)]
)
def test_sizes(text: str, size: int) -> None:
    assert mebibytes(text) == size


def test_times() -> None:
    assert seconds_of("100:01:02") == 360_062
