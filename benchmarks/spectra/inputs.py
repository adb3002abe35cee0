"""The input: files that ROOT writes in an environment of its own, and copies of a file that count as others."""

from __future__ import annotations

import json
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

FILE_EVENTS = 37_500
"""About as many as a part of a file of the release has that makes a task."""


@dataclass(frozen=True, slots=True)
class Input:
    """Files with as many events each.

    Parameters
    ----------
    files
        by name
    events
        in each
    branches
        of their tree
    size
        bytes of all
    root
        version of ROOT that wrote them
    """

    files: tuple[Path, ...]
    events: int
    branches: int
    size: int
    root: str

    def first(self, number: int) -> Input:
        """Return the first ``number`` files."""
        files = self.files[:number]
        size = sum(path.stat().st_size for path in files)
        return Input(files, self.events, self.branches, size, self.root)


def generated(python: str, folder: Path, files: int, events: int, more: int = 0) -> Input:
    """Return ``files`` files of ``events`` events each; they are written once.

    Parameters
    ----------
    python
        the one that has ROOT
    more
        branches that nobody reads
    """
    command = [python, "-W", "ignore", "-m", "benchmarks.spectra.generate", str(folder)]
    root = Path(__file__).resolve().parents[2]
    sizes = ["--files", str(files), "--events", str(events), "--more", str(more)]
    subprocess.run([*command, *sizes], check=True, cwd=root)
    facts = json.loads((folder / "input.json").read_text())
    found = tuple(sorted(folder.glob("*.root")))
    return Input(found, events, facts["branches"], facts["bytes"], facts["root"])


def copies(source: Path, folder: Path, number: int) -> tuple[Path, ...]:
    """Write ``number`` copies of a ROOT file that are other files to every reader: each has an identifier of its own.

    Raises
    ------
    ValueError
        if the file does not hold its identifier as plain bytes
    """
    import uproot

    with uproot.open(source) as file:
        own = file.file.uuid.bytes
    content = source.read_bytes()
    if own not in content:
        raise ValueError(f"expected the identifier of {source} in its bytes, but it is not there")
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for i in range(number):
        path = folder / f"{source.name.removesuffix('.root')}.copy_{i:04d}.root"
        path.write_bytes(content.replace(own, uuid.uuid5(uuid.NAMESPACE_OID, path.name).bytes))
        found.append(path)
    return tuple(found)
