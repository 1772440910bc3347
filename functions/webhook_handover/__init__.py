"""Pushing changes of requests to a webhook."""
