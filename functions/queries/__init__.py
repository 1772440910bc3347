"""Reads across facilities."""
