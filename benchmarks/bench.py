"""`make bench`: every figure with its limit or peer; writes var/bench.json.

`python -m benchmarks.bench [verify|formats|read|...]`; names of parts (PARTS below) narrow the run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks import formats, gateway, issuing, reporting, revocation, rules, seeing, verifying
from benchmarks.measure import Figure, table, write

ROOT = Path(__file__).resolve().parents[1]
PARTS = {
    "verify": verifying.figures,
    "formats": formats.figures,
    "read": seeing.reading,
    "kiosk": seeing.photon_to_lamp,
    "reports": reporting.figures,
    "gateway": gateway.figures,
    "issue": issuing.figures,
    "rules": rules.figures,
    "revocation": revocation.figures,
}


def main(names: list[str]) -> int:
    """Run the parts named, or all; 0 when each gave its figures."""
    figures: list[Figure] = []
    for name in names or PARTS:
        figures += PARTS[name]()
    write(figures, ROOT / "var" / "bench.json")
    print(table(figures))
    for each in dict.fromkeys(each.how for each in figures):
        print(f"  {each}")
    print(f"load average {' '.join(f'{value:.2f}' for value in os.getloadavg())}, {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
