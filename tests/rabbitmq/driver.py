"""A run in a process of its own: `python driver.py FOLDER`, with what it needs as JSON in that folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.data.catalogue.resolvers import Remote
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.run import run

here = Path(sys.argv[1])


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


class Tells(Silent):
    def started(self, plan: object, reused: int) -> None:
        say("reused", str(reused))

    def task_done(self, row: object, outcome: object) -> None:
        say("done")


spec = AnalysisSpec.model_validate_json((here / "spec.json").read_text())
settings = Settings.model_validate_json((here / "settings.json").read_text())
files = [Remote(**one) for one in json.loads((here / "files.json").read_text())]
run(spec, gather(spec, files), settings, here / "out", Tells())
