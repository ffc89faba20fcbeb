"""A model behind HTTP, of the standard library alone: ``python server.py --port 8808``.

``POST /predict`` takes ``{"timestamp", "columns", "rows"}``, the rows oldest first, and answers with
``{"timestamp", "signal", "confidence"}``. It listens on this machine only and knows no password:
whatever is reached from elsewhere needs both a password and TLS in front.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST = 10_000_000


def predicted(frame):
    """Return the cross of two means of the close, as the moving-average sample has it."""
    at = frame["columns"].index("close")
    close = [row[at] for row in frame["rows"]]
    gap = (sum(close[-12:]) / 12) / (sum(close[-48:]) / len(close[-48:])) - 1
    return {
        "timestamp": frame["timestamp"],
        "signal": (gap > 0) - (gap < 0),
        "confidence": min(1.0, abs(gap) * 50),
    }


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    def do_POST(self):
        """Predict from the frame in the body."""
        length = int(self.headers.get("Content-Length", 0))
        if self.path != "/predict" or not 0 < length < LONGEST:
            self.send_error(404 if self.path != "/predict" else 413)
            return
        try:
            said = predicted(json.loads(self.rfile.read(length)))
        except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError) as error:
            self.send_error(400, f"not a frame: {type(error).__name__}")
            return
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep quiet: a question a bar an instrument fills a screen."""


class Server(ThreadingHTTPServer):
    """Takes many questions at once: a backtest asks as many as ``panel.max_in_flight``."""

    request_queue_size = 256
    daemon_threads = True


def main():
    """Serve until interrupted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8808)
    server = Server(("127.0.0.1", options.parse_args().port), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/predict", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
