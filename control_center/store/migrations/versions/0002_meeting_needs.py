"""What else a meeting asks for (Phụ lục I, point 8)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_meeting_needs"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Step forward."""
    op.add_column("meetings", sa.Column("needs", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Step back."""
    op.drop_column("meetings", "needs")
