-- Several ledgers of one company (并行账簿): the same journal, posted by another standard beside the main ledger. What a row of
-- the journal leads to in such a ledger, and by which versions of its rules, stands here; of the main one in the row itself.
create table journal_beside (
    company         text    not null,
    ledger          text    not null,
    entry           bigint  not null,
    standard        text    not null,
    pack_version    integer not null,
    mapping_version integer not null,
    none_zh         text,
    none_en         text,
    primary key (company, ledger, entry),
    foreign key (company, entry) references journal,
    check (ledger <> 'main'),
    check ((none_zh is null) = (none_en is null))
);
create trigger append_only before update or delete or truncate on journal_beside
    for each statement execute function refuse_change();
alter table journal_beside enable always trigger append_only;
grant select on journal_beside to fenlu_service;

-- The posting path of a ledger beside the main one, after `post_vouchers` has written the rows of the journal in the same
-- transaction. A ledger of a company is fed from its first row on, or never.
create function post_beside(
    -- company, ledger, currency
    text, text, text,
    -- rows of the journal: entry, standard, pack_version, mapping_version, none_zh, none_en
    bigint[], text[], integer[], integer[], text[], text[],
    -- vouchers: seq, entry, period, word, number, voucher_date, business_date, summary, attachments, maker, checker,
    -- poster, cashier, event_id, event_type, source, position, rule_id, rule_version, part, line_count
    bigint[], bigint[], text[], text[], bigint[], date[], date[], text[], integer[], text[], text[],
    text[], text[], uuid[], text[], text[], bigint[], text[], integer[], integer[], integer[],
    -- lines: seq, line, period, account, side, amount, customer, supplier, product, warehouse, salesperson, quantity,
    -- summary
    bigint[], integer[], text[], text[], text[], numeric[], text[], text[], text[], text[], text[], numeric[], text[]
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not exists (select from book where company = $1 and ledger = $2 and ledger <> 'main') then
        raise exception 'company % has no ledger % beside the main one', $1, $2 using errcode = '23514';
    end if;
    with journaled as (
        insert into journal_beside (company, ledger, entry, standard, pack_version, mapping_version, none_zh, none_en)
        select $1, $2, j.* from unnest($4, $5, $6, $7, $8, $9) as j
    ), headed as (
        insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date, summary,
                             attachments, maker, checker, poster, cashier, event_id, event_type, source, position,
                             rule_id, rule_version, part, line_count)
        select $1, $2, v.*
        from unnest($10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29,
                    $30) as v
    ), lined as (
        insert into voucher_line (company, ledger, currency, seq, line, period, account, side, amount, customer,
                                  supplier, product, warehouse, salesperson, quantity, summary)
        select $1, $2, $3, l.*
        from unnest($31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43) as l
        returning period, account, side, amount
    )
    insert into period_balance as b (company, ledger, period, account, debit, credit)
    select $1, $2, period, account,
           coalesce(sum(amount) filter (where side = 'D'), 0), coalesce(sum(amount) filter (where side = 'C'), 0)
    from lined group by period, account
    on conflict (company, ledger, period, account)
    do update set debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;
end $$;
revoke all on function post_beside from public;
grant execute on function post_beside to fenlu_service;
