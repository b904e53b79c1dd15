"""What Alembic runs around the steps: in the connection, and the transaction, of whoever opens the store."""

from __future__ import annotations

from alembic import context

from tintype.labelling.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
