"""Entry point of the NICER function."""

from nicer.facility import Nicer
from slew.handler import facility_handler

handler = facility_handler(Nicer())
