"""The Flask application, put together from settings and services; it decides nothing itself."""

from __future__ import annotations

from flask import Flask, Response

from verifier_service import access, i18n, problems
from verifier_service.bootstrap import Services
from verifier_service.fleet.views import fleet_views
from verifier_service.gateway.views import gateway_views
from verifier_service.health import health_views
from verifier_service.openapi import api_views
from verifier_service.settings import Settings

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def create_app(settings: Settings, services: Services) -> Flask:
    """The application of one process."""
    app = Flask("verifier_service")
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 300
    i18n.install(app, settings.timezone)
    problems.install(app)
    access.install(app, settings)
    app.register_blueprint(health_views(services.database))
    app.register_blueprint(api_views())
    app.register_blueprint(gateway_views(services.gateway, services.gateway_limits))
    app.register_blueprint(fleet_views(services.reports, services.board, services.clock, services.point))

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app
