"""Tocsin: the gateway. Start reading at `pipeline/flow.py`; `app.py` wires everything together."""

__version__ = "0.1.0"
