"""The store that several nodes share: PostgreSQL 14 or newer, one statement a group of events or results.

Read `store.py` first: it opens the store and wires the rest. `node.py` holds leases by a heartbeat,
`connections.py` bounds and translates whatever a database can do to a caller.
"""
