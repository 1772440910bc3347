"""Entry point of the WINTER function."""

from slew.handler import facility_handler
from winter.facility import Winter

handler = facility_handler(Winter())
