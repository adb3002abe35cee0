"""Mass spectra of every combination of objects in every final state, filled while events are read."""
