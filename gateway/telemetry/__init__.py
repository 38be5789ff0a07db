"""What the gateway says about itself: metrics (all in one file) and log lines."""
