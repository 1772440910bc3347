"""Entry point of the generic facility's function."""

from generic.facility import Generic
from slew.handler import facility_handler

handler = facility_handler(Generic())
