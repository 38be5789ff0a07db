"""Receiving webhooks: `tocsin listen`, and the receiver that it and the demo run."""
