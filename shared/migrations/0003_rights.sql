-- What a service may do in its own database; the owner of the tables only migrates. Whoever serves is a member of the role
-- `fenlu_service`, which an administrator makes once per server (docs/deployment.md). Each table's rights are said where
-- the table is; whatever is not granted is refused, so a new table needs its line too.
do $$
begin
    if not exists (select from pg_roles where rolname = 'fenlu_service') then
        raise exception 'the role fenlu_service is missing' using errcode = '42704',
            hint = 'an administrator makes it once: create role fenlu_service nologin; grant fenlu_service to <role>';
    end if;
end $$;

revoke all on schema public from public;
grant usage on schema public to fenlu_service;

grant select on all tables in schema public to fenlu_service;
grant insert, update (position) on event to fenlu_service;
grant insert, update on relay_cursor, said, went_back, heard_whole to fenlu_service;
grant insert on inbox, command to fenlu_service;
grant insert, delete on pending, rejected to fenlu_service;
grant insert, update, delete on say_again, hole to fenlu_service;
