"""Entry point of the MMA facility's function."""

from slew.handler import facility_handler
from mma.facility import Mma

handler = facility_handler(Mma())
