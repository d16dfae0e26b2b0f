"""Is the process alive, can it work, and its figures for Prometheus."""

from __future__ import annotations

import os

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from verifier_service.database import Database

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


def health_views(database: Database) -> Blueprint:
    """The blueprint, given the database whose answer decides readiness."""
    views = Blueprint("health", __name__)

    @views.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @views.get("/readyz")
    def readyz() -> Response:
        database.ping()
        return Response("ready\n", mimetype="text/plain")

    @views.get("/metrics")
    def metrics() -> Response:
        registry = REGISTRY
        if os.environ.get(MULTIPROCESS):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return views
