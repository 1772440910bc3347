"""Slew as the GENERIC endpoint of SkyPortal instances."""
