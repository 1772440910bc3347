"""Entry point of the Gemini function."""

from gemini.facility import Gemini
from slew.handler import facility_handler

handler = facility_handler(Gemini())
