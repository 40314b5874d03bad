"""A judge inside the database: nobody but a stream's owner, as a role of its own, may note what became of it.

Each daemon comes as a role of its own. Triggers learn by which role a daemon says that it lives, and note every cycle,
intent and poll of a stream that was stored by any other role than its owner's.
"""

from __future__ import annotations

from typing import Final

JUDGE: Final = """
CREATE SCHEMA judge;
CREATE TABLE judge.daemons (name text PRIMARY KEY, role text NOT NULL);
CREATE TABLE judge.written (what text, stream text, role text, owner text, at timestamptz DEFAULT clock_timestamp());

CREATE FUNCTION judge.meet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO judge.daemons VALUES (NEW.name, session_user) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION judge.look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wanted text;
BEGIN
    SELECT d.role INTO wanted FROM public.checkpoints c LEFT JOIN judge.daemons d ON d.name = c.owner
    WHERE c.stream = NEW.stream;
    INSERT INTO judge.written VALUES (TG_TABLE_NAME, NEW.stream, session_user, wanted);
    RETURN NULL;
END $$;

CREATE TRIGGER meet AFTER INSERT OR UPDATE ON daemons FOR EACH ROW EXECUTE FUNCTION judge.meet();
CREATE TRIGGER look AFTER INSERT OR UPDATE ON cycles FOR EACH ROW EXECUTE FUNCTION judge.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE ON intents FOR EACH ROW EXECUTE FUNCTION judge.look();
CREATE TRIGGER look AFTER UPDATE OF polled_at, modified_time, record_id ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION judge.look();
"""
STALE: Final = "SELECT what, stream, role, owner, at FROM judge.written WHERE role IS DISTINCT FROM owner"
SEEN: Final = "SELECT count(*) FROM judge.written"
