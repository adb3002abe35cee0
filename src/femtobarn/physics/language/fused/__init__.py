"""The fast evaluator: the graph of an analysis, compiled into one loop over events.

`lower` brings the graph to few plain operations (`terms`), `plan` orders them (cuts, groups of
variations, fills), `emit` and its neighbours write LLVM IR, `kernel` compiles and keeps it, and
`sums` feeds it columns. The reference evaluator defines the meaning; this one must equal it.
"""

from __future__ import annotations
