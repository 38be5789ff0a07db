"""Shared with the end-to-end tests: a receiver that outlives the gateway."""

from tests.e2e.conftest import sink

__all__ = ["sink"]
