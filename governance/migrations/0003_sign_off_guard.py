"""What no program may do to a sign-off: see the three functions' comments. By triggers, because
two transactions that can't see each other would each find nothing wrong.
"""

from django.db import migrations

DECIDED = ("governance_signoffdecision", "governance_signoffsummary")

FOUR_EYES = """
-- Nobody decides on what they submitted or developed. A developer is known by the name of their
-- account, their own name or their address. The version's row is locked first, so that a decision
-- and the naming of a developer wait for each other.
CREATE FUNCTION sign_off_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    the_version bigint;
BEGIN
    IF TG_TABLE_NAME = 'governance_signoffdecision' THEN
        SELECT version_id INTO the_version FROM governance_signoff WHERE id = NEW.sign_off_id;
    ELSE
        the_version := NEW.version_id;
    END IF;
    PERFORM 1 FROM governance_version WHERE id = the_version FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM governance_signoffdecision d
        JOIN governance_signoff s ON s.id = d.sign_off_id
        JOIN auth_user u ON u.id = d.user_id
        WHERE s.version_id = the_version AND (d.user_id = s.submitter_id OR EXISTS (
            SELECT FROM governance_developer v
            WHERE v.version_id = the_version AND lower(btrim(v.name)) IN (
                lower(u.username), lower(NULLIF(u.email, '')),
                lower(NULLIF(btrim(u.first_name || ' ' || u.last_name), '')))
        ))
    ) THEN
        RAISE EXCEPTION 'signoff.four_eyes: who submitted or developed a version decides nothing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'four_eyes';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER four_eyes AFTER INSERT ON governance_signoffdecision
    FOR EACH ROW EXECUTE FUNCTION sign_off_four_eyes();
CREATE TRIGGER four_eyes AFTER INSERT OR UPDATE ON governance_developer
    FOR EACH ROW EXECUTE FUNCTION sign_off_four_eyes();
"""

FROZEN = """
-- What was asked for stays as it was, and only the quorum's signatures approve it: no time-out,
-- no statement of the program does.
CREATE FUNCTION sign_off_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.version_id, OLD.identity, OLD.submitter_id, OLD.actor, OLD.reason, OLD.evidence,
        OLD.policy, OLD.agreement, OLD.quorum, OLD.requested_at)
       IS DISTINCT FROM
       (NEW.version_id, NEW.identity, NEW.submitter_id, NEW.actor, NEW.reason, NEW.evidence,
        NEW.policy, NEW.agreement, NEW.quorum, NEW.requested_at) THEN
        RAISE EXCEPTION 'signoff.frozen: a request is never changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'frozen';
    END IF;
    IF NEW.status = 'approved' AND (OLD.status NOT IN ('waiting', 'approved') OR NEW.quorum > (
        SELECT count(DISTINCT user_id) FROM governance_signoffdecision
        WHERE sign_off_id = NEW.id AND act IN ('approve', 'approve_with_conditions')
    )) THEN
        RAISE EXCEPTION 'signoff.quorum: only its quorum approves a request'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'quorum';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER frozen BEFORE UPDATE ON governance_signoff
    FOR EACH ROW EXECUTE FUNCTION sign_off_frozen();
"""

GROWS = """
CREATE TRIGGER log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION log_only_grows();
"""

RIGHTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {decided} FROM countersign_app;
        REVOKE DELETE, TRUNCATE ON governance_signoff FROM countersign_app;
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0002_audit_guard")]

    operations = [
        migrations.RunSQL(FOUR_EYES, "DROP FUNCTION sign_off_four_eyes() CASCADE;"),
        migrations.RunSQL(FROZEN, "DROP FUNCTION sign_off_frozen() CASCADE;"),
        *(
            migrations.RunSQL(
                GROWS.format(table=table), f"DROP TRIGGER log_only_grows ON {table};"
            )
            for table in DECIDED
        ),
        migrations.RunSQL(
            RIGHTS.format(decided=", ".join(DECIDED)), migrations.RunSQL.noop
        ),
    ]
