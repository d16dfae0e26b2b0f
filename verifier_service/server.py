"""Gunicorn in this process: patient threaded workers, one application each, made after the fork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from prometheus_client import multiprocess

from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.settings import Settings
from verifier_service.worker import MAX_CONNECTIONS

BACKLOG = 256  # waiting connections; beyond, the kernel lets the kiosk try again
GRACE_S = 15


class Server(BaseApplication):  # type: ignore[misc]
    """The service under gunicorn."""

    def __init__(self, settings: Settings, point: Callable[[str], None] = lambda name: None) -> None:
        self._settings, self._point = settings, point
        super().__init__()

    def load_config(self) -> None:
        """Hand our settings to gunicorn."""
        settings = self._settings
        for name, value in {
            "bind": [settings.bind],
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": "verifier_service.worker.PatientWorker",
            "worker_connections": MAX_CONNECTIONS,
            "sendfile": False,  # its time cannot be bounded as a whole
            "backlog": BACKLOG,
            "graceful_timeout": GRACE_S,
            "keepalive": 30,
            "control_socket_disable": True,
            "proc_name": "cong-xanh",
            "limit_request_line": 2048,
            "limit_request_fields": 40,
            "worker_exit": _worker_exit,
            "child_exit": _child_exit,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application of this worker."""
        services = build_services(self._settings, point=self._point)
        app = create_app(self._settings, services)
        app.extensions["services"] = services
        return app


def _worker_exit(arbiter: Any, worker: Any) -> None:
    app = getattr(worker, "wsgi", None)
    if app is not None and "services" in getattr(app, "extensions", {}):
        app.extensions["services"].close()


def _child_exit(arbiter: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
