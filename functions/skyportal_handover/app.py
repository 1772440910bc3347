"""Entry point of the SkyPortal handover's function."""

from skyportal_handover.channel import SkyPortalChannel
from slew.delivery import notifier

handler = notifier(SkyPortalChannel())
