"""Plots of light curves: the one function that carries a drawing library."""
