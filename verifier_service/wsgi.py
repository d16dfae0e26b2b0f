"""`gunicorn verifier_service.wsgi:app`, for those who run gunicorn themselves."""

from __future__ import annotations

import os

from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.settings import load_settings

_settings = load_settings(os.environ)
app = create_app(_settings, build_services(_settings))
