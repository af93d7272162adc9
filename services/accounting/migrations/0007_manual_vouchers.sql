-- Vouchers made by hand: drafted by one, checked by another one, signed by the cashier where money moves, then posted.

-- Which words (凭证字) the company uses: one for everything (记), or three (收, 付, 转) by what moves money.
alter table book add column words text not null default '记' check (words in ('记','收付转'));

-- What somebody wants to post. `content` is what becomes the facts of the journal row, but for those who sign later.
create table draft (
    company  text        not null,
    draft_id text        not null,
    kind     text        not null check (kind in ('manual','correction')),
    dated    date        not null,
    maker    text        not null,
    content  jsonb       not null,
    made_at  timestamptz not null default now(),
    primary key (company, draft_id)
);
create index draft_dated on draft (company, dated);

-- What became of a draft. Nobody checks their own (不相容职务分离): refused here, too.
create table draft_step (
    company  text        not null,
    draft_id text        not null,
    step     text        not null check (step in ('checked','signed','posted','discarded')),
    who      text        not null,
    why      text,
    at       timestamptz not null default now(),
    primary key (company, draft_id, step),
    foreign key (company, draft_id) references draft
);
create function check_draft_step() returns trigger language plpgsql as $$
begin
    if new.step in ('checked', 'signed') and exists (
        select from draft where company = new.company and draft_id = new.draft_id and maker = new.who
    ) then
        raise exception 'draft % of %: its maker may not be its checker or cashier', new.draft_id, new.company
            using errcode = '23514';
    end if;
    if new.step = 'posted' and not exists (
        select from draft_step where company = new.company and draft_id = new.draft_id and step = 'checked'
    ) then
        raise exception 'draft % of %: it was not checked', new.draft_id, new.company using errcode = '23514';
    end if;
    return new;
end $$;

-- A voucher is corrected once; whatever is wrong with the correction is corrected there.
create table corrected (
    company text   not null,
    ledger  text   not null,
    seq     bigint not null,
    entry   bigint not null,
    primary key (company, ledger, seq),
    foreign key (company, ledger, seq) references voucher
);

create trigger two_people before insert on draft_step for each row execute function check_draft_step();
create trigger append_only before update or delete or truncate on draft
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on draft_step
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on corrected
    for each statement execute function refuse_change();
alter table draft_step enable always trigger two_people;
alter table draft enable always trigger append_only;
alter table draft_step enable always trigger append_only;
alter table corrected enable always trigger append_only;

create function mark_corrected(company text, ledger text, entries bigint[], kinds text[], facts jsonb[]) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into corrected (company, ledger, seq, entry)
    select $1, $2, (j.facts -> 'of' ->> 'seq')::bigint, j.entry
    from unnest($3, $4, $5) as j (entry, kind, facts) where j.kind = 'correction'
$$;

-- As before; a correction marks the voucher that it corrects.
create or replace function post_vouchers(
    -- company, ledger, currency, standard, pack_version, mapping_version, open_from
    text, text, text, text, integer, integer, date,
    -- journal: entry, kind, event_id, event_type, source, position, actor, facts, reader_version, none_zh, none_en
    bigint[], text[], uuid[], text[], text[], bigint[], text[], jsonb[], integer[], text[], text[],
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
        insert into journal (company, standard, pack_version, mapping_version, open_from, entry, kind, event_id,
                             event_type, source, position, actor, facts, reader_version, none_zh, none_en)
        select $1, $4, $5, $6, $7, j.*
        from unnest($8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) as j
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
    if 'close' = any ($9) then
        perform close_periods($1, $8, $9, $15);
    end if;
    if 'correction' = any ($9) then
        perform mark_corrected($1, $2, $8, $9, $15);
    end if;
end $$;

revoke all on function mark_corrected from public;
grant select on draft, draft_step, corrected to fenlu_service;
grant insert on draft, draft_step to fenlu_service;
