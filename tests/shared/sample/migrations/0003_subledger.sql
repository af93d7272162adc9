-- What a service needs that states its subledger (shared/subledger.py): here, how many effects there are of each subject.
create table stated_balance (
    company text    not null,
    role    text    not null,
    key     text    not null,
    amount  numeric not null check (amount <> 0),
    primary key (company, role, key)
);
grant select, insert, update, delete on stated_balance to fenlu_service;

create function subledger(of_company text) returns table (role text, key text, amount numeric)
language sql stable set search_path = public, pg_temp as $$
    select 'ar', coalesce(subject, ''), count(*) from effect
    where company = of_company group by grouping sets ((subject), ())
$$;
