"""Las Cumbres Observatory (facility card: lco)."""
