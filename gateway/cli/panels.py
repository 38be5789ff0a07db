"""The panels of `--help`, in their order."""

from __future__ import annotations

from cyclopts import Group

RUN = Group("Run", sort_key=1)
SEND = Group("Send and receive", sort_key=2)
CONFIGURE = Group("Configure", sort_key=3)
FOLLOW = Group("Follow up", sort_key=4)

ARGUMENTS = Group("Arguments", sort_key=10)
OPTIONS = Group("Options", sort_key=11)
NOISE = Group("Noise", sort_key=20)
KINDS_SORT_KEY = 100
"""Panels of single kinds of destinations come after this."""

COMMON = Group("Common options", sort_key=10_000)
