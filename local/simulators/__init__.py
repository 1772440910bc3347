"""Strict, stateful stand-ins for the facilities, one module each; what every one of them shares is in `base`."""
