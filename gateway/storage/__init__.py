"""Stores: implementations of `gateway.ports` over real databases.

Here: what every store shares (group commit, rows as text, named SQL, migrations). Each store is a
folder of its own; nothing above this room knows SQL, and nothing in it knows HTTP.
"""
