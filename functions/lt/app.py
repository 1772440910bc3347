"""Entry point of the Liverpool Telescope's function."""

from slew.handler import facility_handler
from lt.facility import Lt

handler = facility_handler(Lt())
