"""How each table would be spread over many servers: what the linter of the migrations holds them to.

`kiosk`: distributed by device_id, which stands first in every key. `local`: one server, small.
Source: docs/adr, "One PostgreSQL, shaped to be sharded".
"""

from __future__ import annotations

DISTRIBUTION_COLUMN = {"kiosk": "device_id"}
TABLES = {
    "device": "kiosk",
    "device_stream": "kiosk",
    "scan_batch": "kiosk",
    "scan_counter": "kiosk",
    "device_alarm": "kiosk",
}
OWNER_ROLE, APP_ROLE = "cong_xanh_owner", "cong_xanh_app"
