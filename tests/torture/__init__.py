"""Slew under torture: killed anywhere, on bad networks, in races. `make torture` runs it."""
