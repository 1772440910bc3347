"""The Lambda function of SOAR."""

from slew.handler import facility_handler
from soar.facility import SOAR

handler = facility_handler(SOAR())
