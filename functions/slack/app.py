"""Entry point of the Slack facility's function."""

from slew.handler import facility_handler
from slack.facility import Slack

handler = facility_handler(Slack())
