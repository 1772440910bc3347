"""Strict, stateful stand-ins for the facilities, one module each; what they share is in `base`."""
