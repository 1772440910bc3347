"""Stands in for pyslalib, which needs a Fortran compiler: see ``slalib``."""
