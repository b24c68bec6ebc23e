"""The log only grows: a trigger refuses changes for every role, and the application has no right.

Statement triggers, so that a change of no row at all is refused too.
"""

from django.db import migrations

GROWING = (
    "governance_entry",
    "governance_leaf",
    "governance_tilehash",
    "governance_checkpoint",
    "governance_cosignature",
)
SHRINKING = ("governance_pending", "governance_content")

FUNCTION = """
CREATE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log.append_only: rows of % are never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
"""

TRIGGER = """
CREATE TRIGGER log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION log_only_grows();
"""

# Where PostgreSQL is somebody else's, there may be one role for everything: then only the trigger
# guards, and verify_audit says so.
RIGHTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {growing} FROM countersign_app;
        REVOKE UPDATE, TRUNCATE ON {shrinking} FROM countersign_app;
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION log_only_grows();"),
        *(
            migrations.RunSQL(
                TRIGGER.format(table=table), f"DROP TRIGGER log_only_grows ON {table};"
            )
            for table in GROWING
        ),
        migrations.RunSQL(
            RIGHTS.format(growing=", ".join(GROWING), shrinking=", ".join(SHRINKING)),
            migrations.RunSQL.noop,
        ),
    ]
