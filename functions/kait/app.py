"""Entry point of the KAIT function."""

from slew.handler import facility_handler
from kait.facility import Kait

handler = facility_handler(Kait())
