"""Clock, event bus, supervisor, retry, ids, compiled kernels: what runs everything else."""
