"""What differs from the portal's own settings, which read this at their end: SQLite, no task queue."""

import os

import sqlite_arrays  # type: ignore[import-not-found]

sqlite_arrays.install()

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["PORTAL_SQLITE"],
        "OPTIONS": {"timeout": 20},
    }
}
# Tasks (mails, OAuth clients) are queued in memory and never run: no redis here, and no one to mail to.
DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.stub.StubBroker",
    "OPTIONS": {},
    "MIDDLEWARE": ["django_dramatiq.middleware.DbConnectionsMiddleware"],
}
STATICFILES_DIRS: list[str] = []
