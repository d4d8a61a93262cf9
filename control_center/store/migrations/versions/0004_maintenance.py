"""Planned work at the sites, and which incidents fell into it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_maintenance"
down_revision = "0003_figure_hours"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Step forward."""
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=40), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_maintenance_site", "maintenance", ["site"])
    op.create_index("ix_maintenance_ends_at", "maintenance", ["ends_at"])
    op.add_column("incidents", sa.Column("maintenance", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Step back."""
    op.drop_column("incidents", "maintenance")
    op.drop_table("maintenance")
