"""The Lambda function of Las Cumbres Observatory."""

from slew.handler import facility_handler
from lco.facility import LCO

handler = facility_handler(LCO())
