"""The screen process, `python -m scanner.screen --port N`: JSON lines of the kiosk come on standard input."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading

from werkzeug.serving import make_server

from scanner.screen.app import State, create_app
from scanner.screen.view import LANGUAGES

MAX_LINE = 16 * 1024  # a message has about 300 bytes


def main() -> int:
    """Serve on loopback until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m scanner.screen", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--language", choices=LANGUAGES, default="vi")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    state = State()
    server = make_server("127.0.0.1", options.port, create_app(state, options.language), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while line := sys.stdin.buffer.readline(MAX_LINE):
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            state.put(message)
    os._exit(0)  # open streams must not keep a screen alive whose kiosk has gone


if __name__ == "__main__":
    raise SystemExit(main())
