"""A fault that passes at every request of a run, one after the other; a file of which a part fails."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import uproot
from tests.storage.servers import Fault, FaultServer, Kind, Request, once

from .driver import Given, Run, perform
from .plays import one_bit
from .samples import Samples, remote, same_bytes
from .stage import environment, settings

pytestmark = pytest.mark.services
KINDS: tuple[Kind, ...] = ("status", "reset", "dropped", "truncated", "short", "flipped", "zeroed")


@pytest.mark.parametrize("way", ["stream", "cache"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_passing_fault_at_any_request_leaves_no_trace(
    kind: Kind, way: str, samples: Samples, tmp_path: Path
) -> None:
    name, path = samples.faulty, f"/{samples.faulty}"
    content = samples.content(name)
    with FaultServer({path: content}) as server:
        known = remote(name, server.url(path), content)
        local = [Given(other, str(samples.folder / other)) for other in samples.healthy]
        told = (known.size, known.adler32) if way == "cache" else (None, None)
        files = (*local, Given(name, known.url, *told))

        def run(place: str) -> None:
            out = tmp_path / place / "out"
            with environment(settings(tmp_path / place / "cache")):
                assert perform(Run(files, out, way)) == 0, place
            assert not same_bytes(out, samples.truth), place

        run("clean")
        asked = len(server.requests(path))
        assert asked >= (8 if way == "stream" else 2)
        for number in range(1, asked + 1):
            server.script(path, once(Fault(kind), at=number))
            run(f"request-{number}")


def test_what_fails_in_the_middle_of_a_file_is_left_out_as_if_it_failed_here(
    large: Samples, tmp_path: Path
) -> None:
    """Parts of a file that were processed count, as they do for a file of this machine."""
    name, path = large.faulty, f"/{large.faulty}"
    content, place = large.content(name), last_basket(large)
    local = [Given(other, str(large.folder / other)) for other in large.healthy]
    copy = tmp_path / name
    copy.write_bytes(one_bit(content, place))
    here = Run((*local, Given(name, str(copy))), tmp_path / "here", chunk=large.chunk, part=4_000_000)
    assert perform(here) == 3

    def script(request: Request) -> Fault | None:
        return Fault("status") if (request.start or 0) <= place < (request.stop or 0) else None

    with FaultServer({path: content}) as server:
        server.script(path, script)
        known = remote(name, server.url(path), content)
        files = (*local, Given(name, known.url, known.size, known.adler32))
        there = replace(here, files=files, out=tmp_path / "there", access="stream")
        with environment(settings(tmp_path / "cache")):
            assert perform(there) == 3
            assert not same_bytes(there.out, here.out)
            parts = states(there.out, name)
            assert parts == states(here.out, name)
            assert parts[-1] == "failed"
            assert set(parts[:-1]) == {"processed"}
            server.script(path, None)
            assert perform(there) == 0
        whole = Run((*here.files[:-1], Given(name, str(large.folder / name))), tmp_path / "whole")
        perform(replace(whole, chunk=large.chunk, part=here.part))
        assert not same_bytes(there.out, whole.out)


def last_basket(samples: Samples) -> int:
    with uproot.open(samples.folder / samples.faulty) as file:
        branch = file["analysis"]["lep_pt"]
        key = branch.basket_key(branch.num_baskets - 1)
        return int(key.fSeekKey + key.fNbytes // 2)


def states(out: Path, name: str) -> list[str]:
    with (out / "ledger.csv").open(newline="", encoding="utf-8") as file:
        return [row["status"] for row in csv.DictReader(file) if row["file"] == name]
