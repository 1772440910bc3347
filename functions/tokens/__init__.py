"""Making, listing and revoking tokens."""
