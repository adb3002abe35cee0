"""The run directory: partial results, merging, normalisation, reading and export."""
