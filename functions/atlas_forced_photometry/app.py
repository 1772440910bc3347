"""Entry point of the ATLAS forced photometry function."""

from atlas_forced_photometry.facility import AtlasForcedPhotometry
from slew.handler import facility_handler

handler = facility_handler(AtlasForcedPhotometry())
