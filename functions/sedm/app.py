"""Entry point of the SEDM function."""

from sedm.facility import Sedm
from slew.handler import facility_handler

handler = facility_handler(Sedm())
