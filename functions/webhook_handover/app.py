"""Entry point of the webhook handover's function."""

from slew.delivery import notifier
from webhook_handover.channel import WebhookChannel

handler = notifier(WebhookChannel())
