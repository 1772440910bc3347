"""SOAR, the 4.1 m telescope on Cerro Pachón, through an Observation Portal (facility card: soar)."""
