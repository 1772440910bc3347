"""Entry point of the generic facility's function."""

from slew.handler import facility_handler
from generic.facility import Generic

handler = facility_handler(Generic())
