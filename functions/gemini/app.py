"""Entry point of the Gemini function."""

from slew.handler import facility_handler
from gemini.facility import Gemini

handler = facility_handler(Gemini())
