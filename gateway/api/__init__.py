"""HTTP: the surfaces that senders, integrators and operators talk to.

`routes/` declares every endpoint; `endpoint.py` is the typed layer they are declared in, `server.py` the
guarded listener; `shapes/` holds request and answer bodies, `resources/` one file of handlers per noun.
"""
