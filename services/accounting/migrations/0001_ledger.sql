-- The ledger. Every table of facts is append-only; a voucher is refused here even if the code that made it was wrong.

-- A company's books (账套). Locking this row makes the one posting writer of the company.
create table book (
    company      text         not null,
    ledger       text         not null,
    name         text         not null,
    currency     text         not null check (currency ~ '^[A-Z]{3}$'),
    standard     text         not null,
    pack_version integer      not null,
    vat_rate     numeric(7,6) not null,
    opened_on    date         not null,
    opened_by    text         not null,
    primary key (company, ledger)
);

-- The chart of accounts (科目表). Only accounts without accounts below them (末级科目) take lines: `takes_lines`.
create table account (
    company     text    not null,
    ledger      text    not null,
    code        text    not null,
    zh          text    not null,
    en          text    not null,
    kind        text    not null check (kind in ('asset','liability','equity','cost','revenue','expense','memo')),
    side        text    not null check (side in ('D','C')),
    takes_lines boolean not null,
    primary key (company, ledger, code)
);

-- Which account plays which role. A change is a new version of the whole map.
create table role_map (
    company      text    not null,
    ledger       text    not null,
    version      integer not null check (version > 0),
    role         text    not null,
    account      text    not null,
    effective_on date    not null,
    primary key (company, ledger, version, role),
    foreign key (company, ledger, account) references account
);

-- The journal: what accounting accepted, in the order in which it did. `facts` is all that was read, so that nothing has
-- to be read again by later code.
create table journal (
    company         text        not null,
    entry           bigint      not null check (entry > 0),
    kind            text        not null check (kind in ('books','event')),
    event_id        uuid,
    event_type      text,
    source          text,
    position        bigint      check (position > 0),
    actor           text        not null,
    facts           jsonb       not null,
    reader_version  integer,
    standard        text        not null,
    pack_version    integer     not null,
    mapping_version integer     not null,
    none_zh         text,
    none_en         text,
    accepted_at     timestamptz not null default now(),
    primary key (company, entry),
    unique (company, event_id),
    unique (company, source, position),
    check ((kind = 'event') = (event_id is not null)),
    check (num_nulls(event_id, event_type, source, reader_version) in (0, 4)),
    check ((none_zh is null) = (none_en is null))
);

-- A voucher (凭证). `seq` is the posting order; the number is gapless per word and month; `entry` is its journal row.
create table voucher (
    company      text        not null,
    ledger       text        not null,
    seq          bigint      not null check (seq > 0),
    entry        bigint      not null,
    period       text        not null check (period ~ '^\d{4}-(0[1-9]|1[0-2])$'),
    word         text        not null check (word in ('记','收','付','转','备')),
    number       bigint      not null check (number > 0),
    voucher_date date        not null,
    summary      text        not null,
    attachments  integer     not null check (attachments >= 0),
    maker        text        not null,
    checker      text        not null,
    poster       text        not null,
    cashier      text,
    event_id     uuid        not null,
    event_type   text        not null,
    source       text        not null,
    position     bigint,
    rule_id      text        not null,
    rule_version integer     not null,
    part         integer     not null check (part > 0),
    line_count   integer     not null check (line_count >= 2),
    posted_at    timestamptz not null default now(),
    primary key (company, ledger, seq),
    unique (company, ledger, period, word, number),
    unique (company, ledger, event_id, rule_id, part)
);

-- A voucher line (分录行). `amount` is signed, in the books' currency: a negative one is red-letter (红字) on its side.
create table voucher_line (
    company        text          not null,
    ledger         text          not null,
    seq            bigint        not null,
    line           integer       not null check (line > 0),
    period         text          not null,
    account        text          not null,
    side           text          not null check (side in ('D','C')),
    amount         numeric(20,4) not null check (amount <> 0),
    currency       text          not null,
    foreign_amount numeric(20,4),
    rate           numeric(20,8),
    customer       text,
    supplier       text,
    product        text,
    warehouse      text,
    salesperson    text,
    quantity       numeric(18,6),
    summary        text          not null,
    primary key (company, ledger, seq, line),
    check (num_nulls(foreign_amount, rate) in (0, 2))
);
create index voucher_line_account on voucher_line (company, ledger, account, period, seq, line);

-- Sums that the one posting writer moves once per batch; both can be made again from the rows above.
create table period_balance (
    company text          not null,
    ledger  text          not null,
    period  text          not null,
    account text          not null,
    debit   numeric(22,4) not null,
    credit  numeric(22,4) not null,
    primary key (company, ledger, period, account)
);
create table heard (
    company  text   not null,
    source   text   not null,
    events   bigint not null,
    position bigint not null,
    primary key (company, source)
);

-- Every statement that inserts lines inserts whole vouchers: lines 1..line_count, debits = credits (memo accounts among
-- themselves), known accounts that take lines, the books' currency, the header's period. With the primary key this also
-- refuses a line that is appended later: it would have to be one of 1..line_count again.
create function check_voucher_lines() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select * into wrong from (
        select l.company, l.seq,
               count(*)                                                          as lines,
               max(l.line)                                                       as last_line,
               max(h.line_count)                                                 as line_count,
               bool_and(h.seq is not null and h.period = l.period)               as at_home,
               min(l.account) filter (where a.takes_lines is not true)           as bad_account,
               min(l.currency) filter (where l.currency is distinct from b.currency and l.foreign_amount is null
                                             or b.currency is null)              as bad_currency,
               coalesce(sum(case l.side when 'D' then l.amount else -l.amount end)
                        filter (where a.kind is distinct from 'memo'), 0)        as difference,
               coalesce(sum(case l.side when 'D' then l.amount else -l.amount end)
                        filter (where a.kind = 'memo'), 0)                       as memo_difference
        from new_lines l
        left join voucher h on h.company = l.company and h.ledger = l.ledger and h.seq = l.seq
        left join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        left join book b on b.company = l.company and b.ledger = l.ledger
        group by l.company, l.ledger, l.seq
    ) as v
    where not at_home or bad_account is not null or bad_currency is not null
       or lines <> line_count or last_line <> line_count or difference <> 0 or memo_difference <> 0
    limit 1;
    if not found then
        return null;
    end if;
    raise exception 'voucher % of %: %', wrong.seq, wrong.company, case
        when not wrong.at_home then 'lines without a header of their period'
        when wrong.bad_account is not null then format('account %s is not in the chart or takes no lines', wrong.bad_account)
        when wrong.bad_currency is not null then format('currency %s is not the books'' currency', wrong.bad_currency)
        when wrong.lines <> wrong.line_count or wrong.last_line <> wrong.line_count
            then format('%s lines at once, header says %s', wrong.lines, wrong.line_count)
        else format('does not balance: debits - credits = %s, memo accounts %s', wrong.difference, wrong.memo_difference)
    end using errcode = '23514';
end $$;

-- A header comes in one statement with its lines, and names the journal row of its event.
create function check_voucher_headers() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    wrong record;
begin
    select h.company, h.seq, l.line is null as bare into wrong
    from new_headers h
    left join voucher_line l on l.company = h.company and l.ledger = h.ledger and l.seq = h.seq and l.line = 1
    left join journal j on j.company = h.company and j.entry = h.entry and j.event_id = h.event_id
    where l.line is null or j.entry is null
    limit 1;
    if found then
        raise exception 'voucher % of %: %', wrong.seq, wrong.company,
            case when wrong.bare then 'a header without lines' else 'its event is not in the journal' end
            using errcode = '23514';
    end if;
    return null;
end $$;

create trigger whole_and_balanced after insert on voucher_line referencing new table as new_lines
    for each statement execute function check_voucher_lines();
create trigger whole_and_journaled after insert on voucher referencing new table as new_headers
    for each statement execute function check_voucher_headers();
alter table voucher_line enable always trigger whole_and_balanced;
alter table voucher enable always trigger whole_and_journaled;

create trigger append_only before update or delete or truncate on book
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on account
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on role_map
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on journal
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on voucher
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on voucher_line
    for each statement execute function refuse_change();
alter table book enable always trigger append_only;
alter table account enable always trigger append_only;
alter table role_map enable always trigger append_only;
alter table journal enable always trigger append_only;
alter table voucher enable always trigger append_only;
alter table voucher_line enable always trigger append_only;
