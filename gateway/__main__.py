"""`python -m gateway` and the script `tocsin`; the commands live in `gateway.cli`."""

from __future__ import annotations

import sys

from gateway.cli.root import run


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
