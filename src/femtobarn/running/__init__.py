"""From a plan to a run directory: engine, executors, results."""
