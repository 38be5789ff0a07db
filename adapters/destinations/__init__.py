"""One file per kind of destination. Adding one means adding a file here, and nothing else."""
