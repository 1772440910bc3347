"""Entry point of the function of Swift targets of opportunity."""

from slew.handler import facility_handler
from swift_too.facility import SwiftToo

handler = facility_handler(SwiftToo())
