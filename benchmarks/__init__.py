"""Measurements of the functions, on real Lambda runtime processes."""
