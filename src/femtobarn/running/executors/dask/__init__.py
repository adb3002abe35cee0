"""Tasks on Dask: plain futures, few at a time, on a cluster that is started or one that runs already."""
