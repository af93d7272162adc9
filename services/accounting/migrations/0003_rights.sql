-- What the service may do with its tables (see shared/migrations/0003_rights.sql). It may not write into the journal, the
-- vouchers and their sums at all, but only call the functions below, which do it whole: they run as the owner, see no
-- names but ours, and what they insert passes the same triggers and constraints.
grant select on all tables in schema public to fenlu_service;
grant insert on book, account, role_map to fenlu_service;

-- Locking the book makes the one posting writer of the company; a lock alone would need the right to update the table.
create function lock_book(text, text) returns setof book
language sql security definer set search_path = public, pg_temp as $$
    select * from book where company = $1 and ledger = $2 for update
$$;

-- The first row of the journal: the books were opened.
create function journal_books(
    company text, actor text, facts jsonb, standard text, pack_version integer, mapping_version integer
) returns void language sql security definer set search_path = public, pg_temp as $$
    insert into journal (company, entry, kind, actor, facts, standard, pack_version, mapping_version)
    values ($1, 1, 'books', $2, $3, $4, $5, $6)
$$;

-- The posting path: journal rows, vouchers and lines in one statement, so that the triggers see each voucher whole, and
-- the sums that follow from them. Per producer, fewer events in `heard` than the last position is a hole.
create function post_vouchers(
    -- company, ledger, currency, standard, pack_version, mapping_version
    text, text, text, text, integer, integer,
    -- journal: entry, event_id, event_type, source, position, actor, facts, reader_version, none_zh, none_en
    bigint[], uuid[], text[], text[], bigint[], text[], jsonb[], integer[], text[], text[],
    -- vouchers: attachments of each; seq, entry, period, word, number, voucher_date, summary, maker, checker, poster,
    -- event_id, event_type, source, position, rule_id, part, line_count
    integer,
    bigint[], bigint[], text[], text[], bigint[], date[], text[], text[], text[], text[],
    uuid[], text[], text[], bigint[], text[], integer[], integer[],
    -- lines: seq, line, period, account, side, amount, customer, supplier, product, warehouse, salesperson, quantity,
    -- summary
    bigint[], integer[], text[], text[], text[], numeric[], text[], text[], text[], text[], text[], numeric[], text[]
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    with journaled as (
        insert into journal (company, kind, standard, pack_version, mapping_version, entry, event_id, event_type,
                             source, position, actor, facts, reader_version, none_zh, none_en)
        select $1, 'event', $4, $5, $6, j.*
        from unnest($7, $8, $9, $10, $11, $12, $13, $14, $15, $16) as j
        returning source, position
    ), counted as (
        insert into heard as h (company, source, events, position)
        select $1, source, count(*), coalesce(max(position), 0) from journaled group by source
        on conflict (company, source)
        do update set events = h.events + excluded.events, position = greatest(h.position, excluded.position)
    ), headed as (
        insert into voucher (company, ledger, attachments, rule_version, seq, entry, period, word, number,
                             voucher_date, summary, maker, checker, poster, event_id, event_type, source, position,
                             rule_id, part, line_count)
        select $1, $2, $17, $5, v.*
        from unnest($18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34) as v
    ), lined as (
        insert into voucher_line (company, ledger, currency, seq, line, period, account, side, amount, customer,
                                  supplier, product, warehouse, salesperson, quantity, summary)
        select $1, $2, $3, l.*
        from unnest($35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47) as l
        returning period, account, side, amount
    )
    insert into period_balance as b (company, ledger, period, account, debit, credit)
    select $1, $2, period, account,
           coalesce(sum(amount) filter (where side = 'D'), 0), coalesce(sum(amount) filter (where side = 'C'), 0)
    from lined group by period, account
    on conflict (company, ledger, period, account)
    do update set debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;
end $$;

revoke all on function lock_book, journal_books, post_vouchers from public;
grant execute on function lock_book, journal_books, post_vouchers to fenlu_service;
