"""Run by alembic for every migration; `daemon.ledger.migrate` hands in the connection and owns the transaction."""

from alembic import context

from daemon.ledger.tables import metadata

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # an index over millions of rows takes its time
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
