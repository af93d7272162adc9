-- Which rules are in force from which day, and how they change: one proposes, another one approves, and then it is a row of
-- the journal (kind `mapping` or `pack`), from which follow the chart's new accounts, the whole role map of the new version
-- and its day. Rows say by which version they were posted, so what was posted stays as it is.

-- The versions of a ledger's rules. Days rise with versions: on a day the last version in force by then holds. `splits`
-- are the roles that several accounts play: {role, by, group, members, account}, by the value of one dimension.
create table activation (
    company      text    not null,
    ledger       text    not null,
    version      integer not null check (version > 0),
    entry        bigint  not null,
    standard     text    not null,
    pack_version integer not null,
    effective_on date    not null,
    splits       jsonb   not null,
    primary key (company, ledger, version)
);
insert into activation
select b.company, b.ledger, m.version, 1, b.standard, b.pack_version, m.effective_on, '[]'
from book b join (select distinct company, ledger, version, effective_on from role_map) as m using (company, ledger);

create table proposal (
    company     text        not null,
    proposal_id text        not null,
    ledger      text        not null,
    kind        text        not null check (kind in ('mapping','pack')),
    content     jsonb       not null,
    proposed_by text        not null,
    proposed_at timestamptz not null default now(),
    primary key (company, proposal_id)
);

-- What became of it, once.
create table proposal_step (
    company     text        not null,
    proposal_id text        not null,
    step        text        not null check (step in ('approved','discarded')),
    who         text        not null,
    why         text,
    at          timestamptz not null default now(),
    primary key (company, proposal_id),
    foreign key (company, proposal_id) references proposal
);

create trigger append_only before update or delete or truncate on activation
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on proposal
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on proposal_step
    for each statement execute function refuse_change();
alter table activation enable always trigger append_only;
alter table proposal enable always trigger append_only;
alter table proposal_step enable always trigger append_only;

-- An account's row changes in one way only: it takes no lines any more because it got accounts below it. It must never
-- have been posted on, or its balance could not be moved again.
drop trigger append_only on account;
create trigger append_only before delete or truncate on account for each statement execute function refuse_change();
create function check_account_change() returns trigger language plpgsql as $$
begin
    if not old.takes_lines or new.takes_lines
       or to_jsonb(new) - 'takes_lines' <> to_jsonb(old) - 'takes_lines'
       or not exists (select from account where company = new.company and ledger = new.ledger
                      and length(code) = length(new.code) + 2 and left(code, length(new.code)) = new.code) then
        raise exception 'rows of account are never changed or deleted' using errcode = '23514';
    end if;
    if exists (select from voucher_line where company = new.company and ledger = new.ledger and account = new.code) then
        raise exception 'account % of % was posted on and can have no accounts below it', new.code, new.company
            using errcode = '23514';
    end if;
    return new;
end $$;
create trigger becomes_summary before update on account for each row execute function check_account_change();
alter table account enable always trigger append_only;
alter table account enable always trigger becomes_summary;

-- A change that somebody else approved than who proposed it takes effect with its row of the journal, and not otherwise.
create function apply_change() returns trigger language plpgsql as $$
declare
    wanted proposal;
    last activation;
    next integer := (new.facts ->> 'mapping_version')::integer;
    since date := (new.facts ->> 'effective_on')::date;
begin
    select * into wanted from proposal where company = new.company and proposal_id = new.facts ->> 'proposal_id';
    select * into last from activation
    where company = new.company and ledger = wanted.ledger order by version desc limit 1;
    if wanted.proposed_by = new.actor then
        raise exception 'proposal % of %: nobody approves what they proposed', wanted.proposal_id, new.company
            using errcode = '23514';
    end if;
    if wanted.kind is distinct from new.kind or not new.facts @> wanted.content
       or next is distinct from last.version + 1 or since < last.effective_on or since < new.open_from then
        raise exception 'journal of %: entry % does not follow from a proposal', new.company, new.entry
            using errcode = '23514';
    end if;
    insert into proposal_step (company, proposal_id, step, who)
    values (new.company, wanted.proposal_id, 'approved', new.actor);
    insert into activation values (
        new.company, wanted.ledger, next, new.entry, new.facts ->> 'standard', (new.facts ->> 'pack_version')::integer,
        since, new.facts -> 'splits'
    );
    insert into account (company, ledger, code, zh, en, kind, side, takes_lines)
    select new.company, wanted.ledger, a.code, a.zh, a.en, a.kind, a.side, not exists (
               select from jsonb_to_recordset(new.facts -> 'chart') as b (code text)
               where length(b.code) = length(a.code) + 2 and left(b.code, length(a.code)) = a.code)
    from jsonb_to_recordset(new.facts -> 'chart') as a (code text, zh text, en text, kind text, side text);
    update account p set takes_lines = false
    where p.company = new.company and p.ledger = wanted.ledger and p.takes_lines and p.code in (
        select left(a.code, -2) from jsonb_to_recordset(new.facts -> 'chart') as a (code text));
    insert into role_map (company, ledger, version, role, account, effective_on)
    select new.company, wanted.ledger, next, m.key, m.value, since from jsonb_each_text(new.facts -> 'roles') as m;
    if exists (
        select from role_map m join account a using (company, ledger)
        where m.company = new.company and m.ledger = wanted.ledger and m.version = next and a.code = m.account
          and not a.takes_lines
        union all
        select from jsonb_to_recordset(new.facts -> 'splits') as s (account text)
        left join account a on a.company = new.company and a.ledger = wanted.ledger and a.code = s.account
        where a.takes_lines is not true
    ) then
        raise exception 'journal of %: entry % maps a role to an account that takes no lines', new.company, new.entry
            using errcode = '23514';
    end if;
    return null;
end $$;
create trigger activates after insert on journal for each row when (new.kind in ('mapping', 'pack'))
    execute function apply_change();
alter table journal enable always trigger activates;

-- The chart and the first role map come with the books and before the first row of the journal.
create function open_chart(
    -- company, ledger, standard, pack_version, opened_on
    text, text, text, integer, date,
    -- accounts: code, zh, en, kind, side, takes_lines; roles: role, account
    text[], text[], text[], text[], text[], boolean[], text[], text[]
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if exists (select from journal where company = $1) then
        raise exception 'the books of % were opened before', $1 using errcode = '23514';
    end if;
    insert into activation values ($1, $2, 1, 1, $3, $4, $5, '[]');
    insert into account (company, ledger, code, zh, en, kind, side, takes_lines)
    select $1, $2, a.* from unnest($6, $7, $8, $9, $10, $11) as a;
    insert into role_map (company, ledger, version, role, account, effective_on)
    select $1, $2, 1, m.role, m.account, $5 from unnest($12, $13) as m (role, account);
end $$;
revoke insert on account, role_map from fenlu_service;
revoke all on function open_chart from public;
grant execute on function open_chart to fenlu_service;
grant select on activation, proposal, proposal_step to fenlu_service;
grant insert on proposal to fenlu_service;
-- Only the journal approves.
create function check_proposal_step() returns trigger language plpgsql as $$
begin
    if new.step = 'approved' and not exists (
        select from journal where company = new.company and kind in ('mapping', 'pack')
        and facts ->> 'proposal_id' = new.proposal_id
    ) then
        raise exception 'proposal % of %: approvals are rows of the journal', new.proposal_id, new.company
            using errcode = '23514';
    end if;
    return new;
end $$;
create index journal_change on journal (company, (facts ->> 'proposal_id')) where kind in ('mapping', 'pack');
create trigger by_the_journal before insert on proposal_step for each row execute function check_proposal_step();
alter table proposal_step enable always trigger by_the_journal;
grant insert on proposal_step to fenlu_service;

-- The posting path, as before (0005), but each row of the journal names the versions of its own day.
drop function post_vouchers(
    text, text, text, text, integer, integer, date,
    bigint[], text[], uuid[], text[], text[], bigint[], text[], jsonb[], integer[], text[], text[],
    bigint[], bigint[], text[], text[], bigint[], date[], date[], text[], integer[], text[], text[],
    text[], text[], uuid[], text[], text[], bigint[], text[], integer[], integer[], integer[],
    bigint[], integer[], text[], text[], text[], numeric[], text[], text[], text[], text[], text[], numeric[], text[]
);
create function post_vouchers(
    -- company, ledger, currency, open_from
    text, text, text, date,
    -- journal: entry, kind, event_id, event_type, source, position, actor, facts, reader_version, none_zh, none_en,
    -- standard, pack_version, mapping_version
    bigint[], text[], uuid[], text[], text[], bigint[], text[], jsonb[], integer[], text[], text[],
    text[], integer[], integer[],
    -- vouchers: seq, entry, period, word, number, voucher_date, business_date, summary, attachments, maker, checker,
    -- poster, cashier, event_id, event_type, source, position, rule_id, rule_version, part, line_count
    bigint[], bigint[], text[], text[], bigint[], date[], date[], text[], integer[], text[], text[],
    text[], text[], uuid[], text[], text[], bigint[], text[], integer[], integer[], integer[],
    -- lines: seq, line, period, account, side, amount, customer, supplier, product, warehouse, salesperson, quantity,
    -- summary
    bigint[], integer[], text[], text[], text[], numeric[], text[], text[], text[], text[], text[], numeric[], text[]
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    with journaled as (
        insert into journal (company, open_from, entry, kind, event_id, event_type, source, position, actor, facts,
                             reader_version, none_zh, none_en, standard, pack_version, mapping_version)
        select $1, $4, j.*
        from unnest($5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) as j
        returning source, position
    ), counted as (
        insert into heard as h (company, source, events, position)
        select $1, source, count(*), coalesce(max(position), 0)
        from journaled where source is not null group by source
        on conflict (company, source)
        do update set events = h.events + excluded.events, position = greatest(h.position, excluded.position)
    ), headed as (
        insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date, summary,
                             attachments, maker, checker, poster, cashier, event_id, event_type, source, position,
                             rule_id, rule_version, part, line_count)
        select $1, $2, v.*
        from unnest($19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38,
                    $39) as v
    ), lined as (
        insert into voucher_line (company, ledger, currency, seq, line, period, account, side, amount, customer,
                                  supplier, product, warehouse, salesperson, quantity, summary)
        select $1, $2, $3, l.*
        from unnest($40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52) as l
        returning period, account, side, amount
    )
    insert into period_balance as b (company, ledger, period, account, debit, credit)
    select $1, $2, period, account,
           coalesce(sum(amount) filter (where side = 'D'), 0), coalesce(sum(amount) filter (where side = 'C'), 0)
    from lined group by period, account
    on conflict (company, ledger, period, account)
    do update set debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;
end $$;

revoke all on function post_vouchers from public;
grant execute on function post_vouchers to fenlu_service;
