"""`tocsin subscription`: who is told of a topic's events, and where; `subscribing.py` has the long verbs."""

from __future__ import annotations

from gateway.cli.noise_words import show_with_policy
from gateway.cli.nouns.common import add_usual_verbs, noun_app

app = noun_app("subscription", "Who is told of a topic's events, and where.")
add_usual_verbs(
    app,
    "subscriptions",
    ("name", "id", "enabled", "topic_name", "destination_name", "destination_type"),
    show_with_policy,
)
app.command(
    "gateway.cli.nouns.subscribing:create",
    name="create",
    sort_key=3,
    help="Subscribe a destination to a topic.",
)
app.command(
    "gateway.cli.nouns.subscribing:update",
    name="update",
    sort_key=4,
    help="Change one; what is not given stays. Recipients are added to those it has.",
)
