"""Entry point of the NICER function."""

from slew.handler import facility_handler
from nicer.facility import Nicer

handler = facility_handler(Nicer())
