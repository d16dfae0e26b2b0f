"""`gunicorn -k verifier_service.worker.PatientWorker verifier_service.wsgi:app`, to run gunicorn oneself.

Under another worker class slow senders hold the threads; see docs/operations.md.
"""

from __future__ import annotations

import os

from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.settings import load_settings

_settings = load_settings(os.environ)
app = create_app(_settings, build_services(_settings))
