"""The one place where the parts of the service meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from verifier_service.database import Database
from verifier_service.fleet.board import BoardReader
from verifier_service.fleet.services import ReportTaker
from verifier_service.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC)


def _no_point(name: str) -> None:
    """Where tests cut the process; nothing here."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the views work with."""

    database: Database
    reports: ReportTaker
    board: BoardReader
    clock: Callable[[], datetime]
    point: Callable[[str], None]


def build_services(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = _now,
    point: Callable[[str], None] = _no_point,
) -> Services:
    """The services of one worker process; no connection is opened yet."""
    database = Database(settings)
    reports = ReportTaker(
        database, base_s=settings.report_interval_s, most_s=settings.report_interval_max_s, point=point
    )
    return Services(database, reports, BoardReader(database), clock, point)
