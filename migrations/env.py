"""Run by alembic for every migration; `daemon.ledger.migrate` hands in the connection and owns the transaction."""

from alembic import context

from daemon.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
