"""Devices, their streams, raw batches, counters and alarms."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE device (
    device_id uuid NOT NULL,
    public_key bytea NOT NULL,
    label text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'suspended')),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (device_id)
);
CREATE TABLE device_stream (
    device_id uuid NOT NULL REFERENCES device (device_id),
    epoch bigint NOT NULL CHECK (epoch >= 0),
    next_seq bigint NOT NULL CHECK (next_seq >= 0),
    last_mark bytea,
    parent_epoch bigint,
    opened_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, epoch)
) WITH (fillfactor = 70);
CREATE TABLE scan_batch (
    device_id uuid NOT NULL,
    epoch bigint NOT NULL,
    first_seq bigint NOT NULL,
    skip integer NOT NULL,
    count integer NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, epoch, first_seq)
);
CREATE INDEX scan_batch_received ON scan_batch (received_at);
CREATE TABLE scan_counter (
    device_id uuid NOT NULL,
    minute timestamptz NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    format text NOT NULL,
    checks bigint NOT NULL,
    PRIMARY KEY (device_id, minute, outcome, reason, format)
) WITH (fillfactor = 70);
CREATE INDEX scan_counter_minute ON scan_counter (minute);
CREATE TABLE device_alarm (
    device_id uuid NOT NULL,
    alarm_id uuid NOT NULL,
    raised_at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('gap', 'fork')),
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    missing bigint NOT NULL,
    PRIMARY KEY (device_id, alarm_id)
);
CREATE INDEX device_alarm_raised ON device_alarm (raised_at);
"""
GRANTS = """
GRANT SELECT ON device, device_stream, scan_batch, scan_counter, device_alarm TO cong_xanh_app;
GRANT INSERT ON device_stream, scan_batch, scan_counter, device_alarm TO cong_xanh_app;
GRANT UPDATE (next_seq, last_mark, seen_at) ON device_stream TO cong_xanh_app;
GRANT UPDATE (checks) ON scan_counter TO cong_xanh_app;
"""


def upgrade() -> None:
    """Forward only: a new revision mends an old one."""
    op.execute(TABLES)
    op.execute(GRANTS)
