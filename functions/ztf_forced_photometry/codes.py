"""The service's codes: `exitcode` of a job and `procstatus` of an epoch (card: Status, Codes)."""

from __future__ import annotations

TEXTS = {
    0: "success",
    56: "one or more bad (incl. NaN) pixels may affect the measurement",
    57: "no source in the reference-image catalogue within 5 arcsec",
    58: "PSF catalogue of the reference image not found in the archive",
    59: "suspect uncertainties, because of the early creation date of the difference image",
    60: "upsampled PSF of the difference image has dimensions that are not odd integers",
    61: "cutout falls off the image or is too close to its edge",
    62: "requested start before survey start, reset to 2018-03-17T00:00:00.0",
    63: "no records (epochs) returned",
    64: "catastrophic error",
    65: "requested end before survey start",
    255: "database connection or query error",
}
OFF_IMAGE, START_RESET, NO_EPOCHS, CATASTROPHE, END_TOO_EARLY, DATABASE_ERROR = 61, 62, 63, 64, 65, 255


def text(code: int) -> str:
    """What a code means."""
    return TEXTS.get(code, f"unknown exit code {code}")
