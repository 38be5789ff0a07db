"""One file per source format. Adding one means adding a file here, and nothing else."""
