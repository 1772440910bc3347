"""Entry point of the MMA facility's function."""

from mma.facility import Mma
from slew.handler import facility_handler

handler = facility_handler(Mma())
