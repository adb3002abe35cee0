"""``coffea_hzz.py OUT WORKERS FILES...``: a coffea processor; one worker is the iterative executor."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from answer import write_answer
from awkward_hzz import final
from coffea import processor
from coffea.nanoevents import BaseSchema


class FourLeptons(processor.ProcessorABC):
    def process(self, events: Any) -> dict[str, Any]:
        count, histogram = final(events)
        return {"count": count, "m4l": histogram}

    def postprocess(self, accumulator: Any) -> Any:
        return accumulator


def main() -> None:
    out, workers, *files = sys.argv[1:]
    executor = (
        processor.IterativeExecutor(status=False)
        if workers == "1"
        else processor.FuturesExecutor(workers=int(workers), status=False)
    )
    runner = processor.Runner(executor, schema=BaseSchema, chunksize=100_000)
    found = runner({"all": {"files": files, "treename": "analysis"}}, FourLeptons())
    write_answer(out, {"nominal": int(found["count"])}, {"m4l": {"nominal": np.asarray(found["m4l"])}})


if __name__ == "__main__":
    main()
