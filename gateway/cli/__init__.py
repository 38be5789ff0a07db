"""`tocsin`, the command line. The nouns speak HTTP like any other client; only `serve` opens a store.

Each command is imported when it is called, so that `--help` stays quick; `root.py` lists them all.
"""
