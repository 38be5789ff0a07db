"""Handlers, one file per noun: each turns a validated call into a use case and its answer into a body."""
