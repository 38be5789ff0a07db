"""Adapters: the channels that Tocsin speaks (`destinations`) and the payloads it reads (`sources`)."""
