"""Entry point of the Swift XRT product builder's function."""

from slew.handler import facility_handler
from swift_xrt.facility import SwiftXrt

handler = facility_handler(SwiftXrt())
