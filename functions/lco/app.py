"""The Lambda function of Las Cumbres Observatory."""

from lco.facility import LCO
from slew.handler import facility_handler

handler = facility_handler(LCO())
