"""The pages of the simulated service (card: Submit, Status). Where the card knows no words, they are ours."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from werkzeug import Response

HEADINGS = (
    *("reqId", "ra", "dec", "startJD", "endJD", "created", "started", "ended", "machine", "exitcode"),
    "lightcurve",
)
BUSY = "Error: database is busy; try again a minute later."
NO_JOBS = "Zero records returned"
_XHTML = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" lang="en-US" xml:lang="en-US">\n'
    "<head><title>Forced-Photometry Service</title>\n"
    '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1" /></head>\n'
)


def echo(ra: float, dec: float, start: float, end: float, email: str) -> Response:
    """The request as it was taken, blanks before the numbers; no request number."""
    heads = " ".join(f"<th>{name}</th>" for name in ("ra", "dec", "jdstart", "jdend", "email"))
    values = (f"{ra:11.6f}", f"{dec:11.6f}", f"{start:14.6f}", f"{end:14.6f}", escape(email))
    cells = " ".join(f"<td>{value}</td>" for value in values)
    table = f'<table border="1"><caption><b></b></caption>\n<tr>{heads}</tr>\n<tr>{cells}</tr>\n</table>'
    return _page(f'{_XHTML}<body bgcolor="#FFFFFF">\n{table}\n</body></html>\n')


def refusal(text: str, status: int = 200) -> Response:
    """A page that says why not, without the echo."""
    return _page(f'{_XHTML}<body bgcolor="#FFFFFF">\n<p>{escape(text)}</p>\n</body></html>\n', status)


def job_table(rows: Iterable[tuple[str, ...]]) -> Response:
    """The table of jobs, one row a line."""
    lines = "".join(f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row)}</tr>\n" for row in rows)
    if not lines:
        return refusal(NO_JOBS, 400)
    heads = "".join(f"<th>{name}</th>" for name in HEADINGS)
    return _page(
        "<html><head><title>Forced-Photometry Service</title></head><body>\n"
        f'<table border="1">\n<tr>{heads}</tr>\n{lines}</table></body></html>\n'
    )


def busy() -> Response:
    """The database does not answer."""
    return _page(f"<html><body>{BUSY}</body></html>\n", 503)


def unauthorized() -> Response:
    """Apache's page for a missing or wrong login."""
    body = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>401 Unauthorized</title>\n'
        "</head><body>\n<h1>Unauthorized</h1>\n<p>This server could not verify that you\n"
        "are authorized to access the document\nrequested.</p>\n</body></html>\n"
    )
    return _page(body, 401, {"WWW-Authenticate": 'Basic realm="ZTF Forced Photometry"'})


def not_found() -> Response:
    """Apache's page for what is not there."""
    body = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>404 Not Found</title>\n'
        "</head><body>\n<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n"
        "</body></html>\n"
    )
    return _page(body, 404)


def text_file(content: str) -> Response:
    """A light curve or a log."""
    return Response(content, 200, content_type="text/plain")


def _page(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    encoded = body.encode("iso-8859-1", "xmlcharrefreplace")
    return Response(encoded, status, headers, content_type="text/html; charset=ISO-8859-1")
