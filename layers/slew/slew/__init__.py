"""Slew's shared library: all of telescope follow-up triggering that is not particular to one facility."""

__version__ = "0.1.0"
