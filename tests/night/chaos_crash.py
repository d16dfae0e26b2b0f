"""Cuts a process, or the database under it, at a named point: the plan lies in a file the harness writes.

Only the processes of the kill tests carry this; the product has empty points.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

ALLOWED = ("test", "demo")


def crash_point(plan_file: Path, done_file: Path, postmaster: Path | None = None) -> Callable[[str], None]:
    """A point that counts its own passes under the current plan and kills at the planned one.

    The plan is {"id", "point", "nth", "target": "self" | "db"}; what was killed is appended to `done_file`.
    """
    if os.environ.get("APP_ENV") not in ALLOWED:
        raise RuntimeError("kill points exist only with APP_ENV=test or demo")
    passes: dict[int, int] = {}

    def point(name: str) -> None:
        try:
            plan = json.loads(plan_file.read_text())
        except (OSError, ValueError):
            return
        if plan["point"] != name:
            return
        passes[plan["id"]] = passes.get(plan["id"], 0) + 1
        if passes[plan["id"]] != plan["nth"]:
            return
        with done_file.open("a") as out:  # the harness may read it before we are gone
            out.write(json.dumps(plan) + "\n")
        if plan["target"] == "db" and postmaster is not None:
            kill_server(postmaster)
        else:
            os.killpg(os.getpgrp(), signal.SIGKILL)

    return point


def kill_server(postmaster_pid_file: Path) -> None:
    """SIGKILL for the server and every process it started, the server first."""
    with contextlib.suppress(OSError, ValueError):
        server = int(postmaster_pid_file.read_text().splitlines()[0])
        children = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == server:
                    children.append(int(stat.parent.name))
        for pid in (server, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
