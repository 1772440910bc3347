"""Entry point of the Slack facility's function."""

from slack.facility import Slack
from slew.handler import facility_handler

handler = facility_handler(Slack())
