-- Open items (未清项): per document what a customer owes or has paid in advance, and what a supplier is owed, moved behind
-- the posting by place in the posting order (services/accounting/domain/open_items.py). All of it follows from journal and
-- lines, so it may be emptied and made again.
create table open_item (
    company       text    not null,
    ledger        text    not null,
    kind          text    not null check (kind in ('receivable', 'advance', 'payable', 'accrual')),
    party         text    not null,
    document_type text    not null,
    document      text    not null,
    dated         date    not null,  -- the day of its business; of what first relieved it until that is posted
    original      numeric not null,
    open          numeric not null,  -- on the side where its kind normally stands
    last_on       date    not null,  -- the latest day on which anything moved it
    primary key (company, ledger, kind, party, document_type, document)
) with (fillfactor = 80);
create index open_item_open on open_item (company, ledger, party, dated, kind, document_type, document)
    where open <> 0;
create index open_item_last_on on open_item (company, ledger, last_on);

-- What moved an item: the voucher (`seq`), the day on which it is booked, and the document that did it.
create table open_item_move (
    company       text    not null,
    ledger        text    not null,
    kind          text    not null,
    party         text    not null,
    document_type text    not null,
    document      text    not null,
    seq           bigint  not null,
    moved_on      date    not null,
    amount        numeric not null,
    by_type       text    not null,
    by_document   text    not null,
    primary key (company, ledger, kind, party, document_type, document, seq)
);

create table open_item_head (
    company text   not null,
    ledger  text   not null,
    seq     bigint not null,
    primary key (company, ledger)
);
grant select, insert, update on open_item, open_item_move, open_item_head to fenlu_service;
