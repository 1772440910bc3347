"""Entry point of the KAIT function."""

from kait.facility import Kait
from slew.handler import facility_handler

handler = facility_handler(Kait())
