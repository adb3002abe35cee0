"""The fenced blocks of a Markdown page: what they hold, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

SERVED = {
    "batch": "slurm",
    "dask": None,
    "executors": "broker",
    "monitoring": "broker",
    "rabbitmq": "broker",
}
"""How-tos that need a server or many processes, and the fixture of the server: test_howtos.py runs them."""

_FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"^# (?P<name>\w+\.(?:py|toml|yaml))\n")
_RAISES = re.compile(r"# raises (?P<error>\w+)\s*$")
_EXIT_CODE = re.compile(r"\s+# exit code (?P<code>\d+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Parameters
    ----------
    kind
        ``python``, ``console``, ``toml``, ``text``, ...
    expected
        the ``text`` block that follows at once; None if there is none
    """

    page: Path
    line: int
    kind: str
    body: str
    expected: str | None

    @property
    def place(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.name}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that a reader saves the block to, if its first line names one."""
        found = _FILE_NAME.match(self.body)
        return found["name"] if found else None

    @property
    def raises(self) -> str | None:
        """The error that its last line raises, if it says so."""
        found = _RAISES.search(self.body)
        return found["error"] if found else None

    def commands(self) -> Iterator[tuple[str, int]]:
        """Return each command of a console block with its exit code."""
        for line in self.body.splitlines():
            assert line.startswith("$ "), (
                f"{self.place}: every line of a console block is a command: {line!r}"
            )
            code = _EXIT_CODE.search(line)
            yield _EXIT_CODE.sub("", line[2:]), int(code["code"]) if code else 0


def blocks(page: Path) -> tuple[Block, ...]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    result = []
    for this, after in zip(found, [*found[1:], None][: len(found)], strict=True):
        follows = (
            after is not None and not text[this.end() : after.start()].strip() and after["kind"] == "text"
        )
        result.append(
            Block(
                page=page,
                line=text.count("\n", 0, this.start()) + 1,
                kind=this["kind"].strip(),
                body=this["body"],
                expected=after["body"] if follows and after is not None else None,
            )
        )
    return tuple(result)


def words(text: str) -> list[str]:
    """Return the words of ``text``, for comparisons that do not depend on line breaks."""
    return text.split()
