"""Entry point of the SEDM function."""

from slew.handler import facility_handler
from sedm.facility import Sedm

handler = facility_handler(Sedm())
