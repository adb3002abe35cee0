"""Tasks as an array of jobs of a batch system: scripts are rendered, then submitted; results are files."""
