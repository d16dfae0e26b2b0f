"""The one place where the parts of the service meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from healthcert.admission.rulebook import load_rulebook
from healthcert.times import parse_instant
from verifier_service.database import Database
from verifier_service.fleet.board import BoardReader
from verifier_service.fleet.services import ReportTaker
from verifier_service.gateway.pictures import PicturePool
from verifier_service.gateway.rate import RateLimit
from verifier_service.gateway.services import Gateway
from verifier_service.gateway.trust_file import TrustFile
from verifier_service.gateway.views import Limits
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
    gateway: Gateway
    gateway_limits: Limits
    clock: Callable[[], datetime]
    point: Callable[[str], None]

    def close(self) -> None:
        """Give connections back and end the children."""
        self.gateway.close()
        self.database.close()


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
    demo_now = parse_instant(settings.demo_now) if settings.demo_now else None
    gateway = Gateway(
        TrustFile(settings.trust_file).current,
        load_rulebook("venue"),
        PicturePool(),
        clock,
        demo_now,
    )
    limits = Limits(RateLimit(settings.gateway_texts_per_min), RateLimit(settings.gateway_pictures_per_min))
    return Services(database, reports, BoardReader(database), gateway, limits, clock, point)
