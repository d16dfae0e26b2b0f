"""Who makes the vaccines, as DIVOC registers write it: enough to tell a maker from a lot number.

Source: WHO emergency use listing and the EU value set of authorisation holders (names are facts).
"""

from __future__ import annotations

_MAKERS = (
    "serum institute",
    "bharat biotech",
    "astrazeneca",
    "pfizer",
    "biontech",
    "moderna",
    "janssen",
    "johnson",
    "sinovac",
    "sinopharm",
    "beijing institute",
    "beijing bio",
    "wuhan institute",
    "gamaleya",
    "reddy",
    "novavax",
    "cansino",
    "biological e",
    "zydus",
    "cadila",
    "bio farma",
    "sk bioscience",
    "catalent",
    "cigb",
    "g42",
    "julphar",
)


def maker_of(text: str) -> str | None:
    """The maker `text` names, in one spelling; None when it names none we know."""
    folded = text.casefold()
    return next((maker for maker in _MAKERS if maker in folded), None)
