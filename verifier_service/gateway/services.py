"""Text or picture to the answer a kiosk would give: verdict, reasons, decision, and words for a person.

Nothing is stored, nothing of the text is logged, and no address in a code is ever opened.
Source: requirement K14, K16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from healthcert import Outcome, Verdict, judge
from healthcert.admission.decide import Admission, admit
from healthcert.admission.recognition import portal_of_link, portals_of
from healthcert.admission.rulebook import Rulebook
from healthcert.explain import as_json, explain
from trustlist.snapshot import TrustSnapshot
from verifier_service.gateway.pictures import PicturePool

NO_CODE = "picture.no_code"


class Gateway:
    """The use cases behind the page and the interface."""

    def __init__(
        self,
        trust: Callable[[], TrustSnapshot | None],
        rulebook: Rulebook,
        pictures: PicturePool,
        clock: Callable[[], datetime],
        as_of: datetime | None = None,
    ) -> None:
        """`as_of`: the certificates' own time in a demonstration, where no clock is asked."""
        self._trust, self._rulebook, self._pictures = trust, rulebook, pictures
        self._clock, self._as_of = clock, as_of

    def judge(self, text: str) -> Verdict:
        """The verdict on a text now; `clock.unusable` where our clock stands before the trust data."""
        trust = self._trust()
        now = self._as_of or self._clock()
        if self._as_of is None and trust is not None:
            return judge(text, trust, now=trust.judging_time(now))
        return judge(text, trust, now=now)

    def judge_picture(self, picture: bytes) -> list[Verdict]:
        """The verdicts on every code in a picture, in reading order. Raises as `PicturePool.read`."""
        return [self.judge(text) for text in self._pictures.read(picture)]

    @property
    def rulebook_name(self) -> str:
        """The rules every answer is given under."""
        return self._rulebook.name

    def admission(self, verdict: Verdict) -> Admission:
        """What a gate under these rules would do."""
        return admit([verdict], self._rulebook, verdict.at)

    def close(self) -> None:
        """End the reading children."""
        self._pictures.close()

    def portals(self, verdict: Verdict, text: str = "") -> list[str]:
        """Host names where the issuer answers by hand, if it comes to that: the linked one, else its own."""
        if verdict.outcome is not Outcome.UNDETERMINED:
            return []
        linked = portal_of_link(self._rulebook.portals, text)
        found = (linked,) if linked else portals_of(self._rulebook.portals, verdict.issuer)
        return [portal.host for portal in found]

    def answer(self, verdict: Verdict, language: str, text: str = "") -> dict[str, Any]:
        """The answer of the interface: architecture §6 (`healthcert verify`), decision and explanation.

        Claims are told of a VALID certificate alone: on a refusal nobody needs to know whose it was.
        """
        admission = self.admission(verdict)
        told = as_json(verdict)
        if verdict.outcome is not Outcome.VALID:
            told["claims"] = None
        return told | {
            "checked_at": verdict.at.isoformat(),
            "trust_version": verdict.trust_version,
            "rulebook": self._rulebook.name,
            "decision": admission.decision.value,
            "decision_reasons": list(admission.reasons),
            "portals": self.portals(verdict, text),
            "explanation": explanation(verdict, language),
        }

    def answer_all(self, verdicts: Sequence[Verdict], language: str) -> dict[str, Any]:
        """The answer for a picture: the first code's on top, every further one under `others`."""
        if not verdicts:
            return {"outcome": Outcome.UNDETERMINED.value, "reasons": [NO_CODE], "others": []}
        first, *others = (self.answer(verdict, language) for verdict in verdicts)
        return first | {"others": others}


def explanation(verdict: Verdict, language: str) -> dict[str, Any]:
    """The page of plain words as JSON, without the claims."""
    page = explain(verdict, language)
    return {
        "title": page.title,
        "advice": page.advice,
        "stages": [{"name": line.name, "ended": line.ended} for line in page.stages],
        "reasons": [reason._asdict() for reason in page.reasons],
    }
