"""Mass spectra in a run directory: sums, what is made of them, and the files that others read."""
