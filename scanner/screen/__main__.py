"""The screen process, `python -m scanner.screen --port N`: JSON lines of the kiosk come on standard input.

With --acknowledge each line is answered on standard output while the page is served, so that the kiosk
notices a screen that hangs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading

from werkzeug.serving import make_server

from scanner.screen.app import TIMEZONE, State, create_app
from scanner.screen.link import PORT_TAKEN
from scanner.screen.view import LANGUAGES

MAX_LINE = 16 * 1024  # a message has about 300 bytes


def main() -> int:
    """Serve on loopback until standard input ends; PORT_TAKEN when another program has the port."""
    parser = argparse.ArgumentParser(prog="python -m scanner.screen", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--language", choices=LANGUAGES, default="vi")
    parser.add_argument("--timezone", default=TIMEZONE, help="zone of the clock on the page")
    parser.add_argument("--acknowledge", action="store_true", help="answer each line")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the kiosk, and with it our input
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    state = State(options.timezone)
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", options.port))
        except OSError:
            return PORT_TAKEN
        door.listen()
        app = create_app(state, options.language)
        server = make_server("127.0.0.1", options.port, app, threaded=True, fd=door.fileno())
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    while line := sys.stdin.buffer.readline(MAX_LINE):
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            state.put(message)
            if options.acknowledge and serving.is_alive():
                _acknowledge()
    os._exit(0)  # open streams must not keep a screen alive whose kiosk has gone


def _acknowledge() -> None:
    try:
        sys.stdout.write("ok\n")
        sys.stdout.flush()
    except OSError:
        os._exit(0)  # the kiosk has gone


if __name__ == "__main__":
    raise SystemExit(main())
