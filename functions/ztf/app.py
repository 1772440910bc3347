"""Entry point of the ZTF function."""

from slew.handler import facility_handler
from ztf.facility import Ztf

handler = facility_handler(Ztf())
