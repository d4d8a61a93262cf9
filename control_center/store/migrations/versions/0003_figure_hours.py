"""Figures of an hour, which the minutes are rolled up to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_figure_hours"
down_revision = "0002_meeting_needs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Step forward."""
    op.create_table(
        "figure_hours",
        sa.Column("site", sa.String(length=40), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "begins_at"),
    )
    op.create_index("figure_hours_by_begin", "figure_hours", ["begins_at"])


def downgrade() -> None:
    """Step back."""
    op.drop_table("figure_hours")
