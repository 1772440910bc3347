"""Pushing what came of requests to a SkyPortal instance."""
