"""`python -m verifier_service migrate|serve|device`."""

import logging
import os
import shutil
import sys
import tempfile


def run() -> int:
    """Start one command; `serve` gets a folder in which its workers add up their figures."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # it greets at each import
    folder = ""
    if "serve" in sys.argv[1:2] and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        folder = tempfile.mkdtemp(prefix="cong-xanh-figures-")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before prometheus_client is imported
    from verifier_service.cli import main

    owner = os.getpid()
    try:
        return main(sys.argv[1:], lambda line: print(line, flush=True))
    finally:
        if folder and os.getpid() == owner:  # a forked worker leaves through here as well
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run())
