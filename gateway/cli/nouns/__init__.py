"""`tocsin <noun> <verb>`: one file per noun of the API, each an app that `cli/root.py` imports on demand."""
