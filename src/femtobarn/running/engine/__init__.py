"""From inputs to a plan, to partial results, to merged results; resume is the default."""
