"""Request and answer bodies, one file per noun: IBM Event Notifications' shapes, ours as optional extras."""
