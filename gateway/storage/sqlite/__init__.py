"""The SQLite store: one file, one process, one writing thread.

Start reading at `store.py`; `ledger.py` and `registry.py` answer the ports, `writer.py` owns the only
connection that writes, `queries.sql` holds every statement.
"""
