"""The path of an event, one station per file; `flow.py` lists both sequences and is the file to read first.

Ingest: receive, authenticate, decode, validate, route, accept.
Dispatch: claim, throttle, render, send, settle.

`snapshot.py` holds the configuration that all stations read, `dispatcher.py` the tasks that deliver,
`channels.py` the adapters of configured destinations. Nothing here knows HTTP servers or SQL.
"""
