"""Nobody decides on an exception that they own, whatever the program does.

An owner is written freely, so a person is compared by all that they may be called, as in 0003.
"""

from django.db import migrations

OWNER = """
CREATE FUNCTION exception_not_by_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM auth_user u WHERE u.id = NEW.decided_by_id AND lower(btrim(NEW.owner)) IN (
            lower(u.username), lower(NULLIF(u.email, '')),
            lower(NULLIF(btrim(u.first_name || ' ' || u.last_name), '')))
    ) THEN
        RAISE EXCEPTION 'exception.own: who owns an exception does not decide on it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'not_by_owner';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER not_by_owner BEFORE INSERT OR UPDATE OF decided_by_id
    ON governance_modelexception
    FOR EACH ROW EXECUTE FUNCTION exception_not_by_owner();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0003_sign_off_guard")]

    operations = [
        migrations.RunSQL(OWNER, "DROP FUNCTION exception_not_by_owner() CASCADE;"),
    ]
