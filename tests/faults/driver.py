"""One run over given files: called in the process, or as a program with a run in JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.running.toys import toy_spec

from femtobarn.base.records import Access, Settings
from femtobarn.data.catalogue.resolvers import Remote, at_address
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.run import exit_code, run


@dataclass(frozen=True)
class Given:
    """A file of a run: a path, an address, or what the catalogue tells of one."""

    name: str
    url: str
    size: int | None = None
    adler32: str | None = None

    def place(self) -> Remote | str:
        if "://" not in self.url:
            return self.url
        if self.adler32 is None:
            return at_address(self.url)
        return Remote(name=self.name, url=self.url, size=self.size, adler32=self.adler32)


@dataclass(frozen=True)
class Run:
    """What to run, where to, and how."""

    files: tuple[Given, ...]
    out: Path
    access: str = "auto"
    workers: int = 0
    chunk: int = 1000
    part: int = 64_000_000

    def text(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def read(cls, text: str) -> Run:
        said = json.loads(text)
        files = tuple(Given(**one) for one in said["files"])
        return cls(**said | {"files": files, "out": Path(said["out"])})


def perform(wanted: Run) -> int:
    """Run the toy analysis; return the exit code that the command line would give."""
    spec = toy_spec()
    settings = Settings.model_validate(
        {
            "workers": wanted.workers,
            "part_bytes": wanted.part,
            "chunk_entries": wanted.chunk,
            "access": wanted.access,
        }
    )
    access = Access(policy=settings.access, prefixes=())
    inputs = gather(spec, [one.place() for one in wanted.files], access=access)
    return exit_code(run(inputs.spec, inputs, settings, wanted.out).info)


if __name__ == "__main__":
    sys.exit(perform(Run.read(sys.argv[1])))
