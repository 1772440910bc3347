"""Entry point of the Liverpool Telescope's function."""

from lt.facility import Lt
from slew.handler import facility_handler

handler = facility_handler(Lt())
