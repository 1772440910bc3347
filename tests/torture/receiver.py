"""`python -m tests.torture.receiver`: an endpoint of somebody's that takes webhooks; GET tells what came."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

from local.processes import announce

POSTS: list[dict[str, str]] = []


class Receiver(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self) -> None:
        """Keep it."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        POSTS.append({"id": self.headers["Slew-Event-Id"], "body": body})
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        """All that came so far."""
        content = json.dumps(POSTS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        announce({"url": f"http://127.0.0.1:{server.server_port}"})
        server.serve_forever()
