"""Units of a light curve's further columns, as astropy writes them (card: File format)."""

from __future__ import annotations

UNITS = {
    "exptime": "s",
    "sciinpseeing": "pix",
    "dnearestrefsrc": "arcsec",
    **dict.fromkeys(("flux_uJy", "flux_uJy_err"), "uJy"),
    **dict.fromkeys(("diffmaglim", "nearestrefmag", "nearestrefmagunc"), "mag"),
    **dict.fromkeys(("scisigpix", "forcediffimflux", "forcediffimfluxunc", "baseline"), "DN"),
    **dict.fromkeys(("refjdstart", "refjdend"), "d"),
}
