"""``femtobarn`` and ``python -m femtobarn``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; workers of a run load what they need while it is read."""
    from femtobarn.running.executors.early import begin

    begin(sys.argv[1:])
    from femtobarn.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
