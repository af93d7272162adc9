-- Suppliers, purchase orders, what receipts still wait to be billed for, supplier invoices, payments, returns.

-- The rate (税率) of bills that state no tax. Heard with the books.
alter table company add column vat_rate numeric not null check (vat_rate >= 0 and vat_rate < 1);

-- Trade accounts (往来单位). Whoever decides on what a supplier bills or is owed locks its row: so bills, payments and
-- returns of one supplier come one after the other.
create table supplier (
    company     text not null,
    supplier_id text not null,
    name        text not null,
    primary key (company, supplier_id)
);

create table purchase_order (
    company     text    not null,
    purchase_id text    not null,
    supplier_id text    not null,
    ordered_on  date    not null,
    warehouse   text    not null,
    currency    text    not null,
    net         numeric not null,
    state       text    not null default 'open' check (state in ('open', 'part_received', 'received')),
    primary key (company, purchase_id),
    foreign key (company, supplier_id) references supplier
) with (fillfactor = 80);
create index purchase_order_state on purchase_order (company, state, purchase_id);
create index purchase_order_supplier on purchase_order (company, supplier_id, purchase_id);

create table purchase_order_line (
    company     text    not null,
    purchase_id text    not null,
    line        integer not null check (line > 0),
    sku         text    not null,
    quantity    numeric not null check (quantity > 0),
    unit_cost   numeric not null check (unit_cost >= 0),
    net         numeric not null check (net >= 0),
    received    numeric not null default 0,
    primary key (company, purchase_id, line),
    unique (company, purchase_id, sku),
    foreign key (company, purchase_id) references purchase_order,
    constraint no_more_received_than_ordered check (received between 0 and quantity)
) with (fillfactor = 80);

alter table receipt
    add column purchase_id text,
    add foreign key (company, supplier_id) references supplier,
    add foreign key (company, purchase_id) references purchase_order;
create index receipt_purchase on receipt (company, purchase_id) where purchase_id is not null;

-- Where each receipt line stands: `move` is its place in its pool's stream; `unbilled` and `accrued` are the quantity and
-- the value (暂估) that no bill and no return has taken yet; `variance` is what its bills differ by so far, so
-- cost + variance is what is known of it now.
create table receipt_match (
    company     text    not null,
    receipt_id  text    not null,
    line        integer not null,
    supplier_id text    not null,
    received_on date    not null,
    sku         text    not null,
    warehouse   text    not null,
    move        bigint  not null,
    quantity    numeric not null,
    cost        numeric not null,
    unbilled    numeric not null,
    accrued     numeric not null,
    variance    numeric not null default 0,
    returned    numeric not null default 0,
    primary key (company, receipt_id, line),
    foreign key (company, receipt_id, line) references receipt_line,
    constraint no_more_billed_than_received check (unbilled between 0 and quantity),
    constraint no_more_returned_than_received check (returned between 0 and quantity),
    constraint accrued_within_cost check (accrued between 0 and cost),
    constraint nothing_unbilled_accrues_nothing check (unbilled > 0 or accrued = 0),
    constraint known_cost_is_a_cost check (cost + variance >= 0)
) with (fillfactor = 80);
create index receipt_match_queue on receipt_match (company, received_on, receipt_id, line) where unbilled > 0;
create index receipt_match_supplier on receipt_match (company, supplier_id, received_on, receipt_id, line)
    where unbilled > 0;

-- `open` is what is still owed; below zero when goods went back after they were paid.
create table supplier_invoice (
    company             text    not null,
    supplier_invoice_id text    not null,
    supplier_id         text    not null,
    invoiced_on         date    not null,
    currency            text    not null,
    accrued             numeric not null,
    variance            numeric not null,
    net                 numeric not null,
    tax                 numeric not null,
    gross               numeric not null,
    open                numeric not null,
    primary key (company, supplier_invoice_id),
    foreign key (company, supplier_id) references supplier,
    constraint bill_adds_up check (net = accrued + variance and gross = net + tax),
    constraint no_more_open_than_billed check (open <= gross)
) with (fillfactor = 80);
create index supplier_invoice_open on supplier_invoice (company, supplier_id, invoiced_on, supplier_invoice_id)
    include (open) where open <> 0;

create table supplier_invoice_line (
    company             text    not null,
    supplier_invoice_id text    not null,
    line                integer not null,
    receipt_id          text    not null,
    receipt_line        integer not null,
    sku                 text    not null,
    quantity            numeric not null check (quantity > 0),
    accrued             numeric not null,
    variance            numeric not null,
    net                 numeric not null check (net >= 0),
    tax                 numeric not null check (tax >= 0),
    primary key (company, supplier_invoice_id, line),
    foreign key (company, supplier_invoice_id) references supplier_invoice,
    foreign key (company, receipt_id, receipt_line) references receipt_match,
    constraint bill_line_adds_up check (net = accrued + variance)
);
create index supplier_invoice_line_receipt on supplier_invoice_line (company, receipt_id, receipt_line);
create trigger append_only before update or delete or truncate on supplier_invoice_line
    for each statement execute function refuse_change();
alter table supplier_invoice_line enable always trigger append_only;

create table supplier_payment (
    company             text    not null,
    supplier_payment_id text    not null,
    supplier_id         text    not null,
    paid_on             date    not null,
    currency            text    not null,
    amount              numeric not null check (amount > 0),
    primary key (company, supplier_payment_id),
    foreign key (company, supplier_id) references supplier
);
create trigger append_only before update or delete or truncate on supplier_payment
    for each statement execute function refuse_change();
alter table supplier_payment enable always trigger append_only;

-- Which payment paid which bill; below zero: the payment used up what the bill had too much after a return.
create table supplier_payment_allocation (
    company             text    not null,
    supplier_invoice_id text    not null,
    supplier_payment_id text    not null,
    amount              numeric not null check (amount <> 0),
    primary key (company, supplier_invoice_id, supplier_payment_id),
    foreign key (company, supplier_invoice_id) references supplier_invoice,
    foreign key (company, supplier_payment_id) references supplier_payment
);
create trigger append_only before update or delete or truncate on supplier_payment_allocation
    for each statement execute function refuse_change();
alter table supplier_payment_allocation enable always trigger append_only;

create table purchase_return (
    company            text    not null,
    purchase_return_id text    not null,
    receipt_id         text    not null,
    supplier_id        text    not null,
    returned_on        date    not null,
    currency           text    not null,
    accrued            numeric not null,
    net                numeric not null,
    tax                numeric not null,
    residual           numeric not null,
    stock              numeric not null,
    primary key (company, purchase_return_id),
    foreign key (company, receipt_id) references receipt,
    constraint return_adds_up check (stock = accrued + net + residual)
);
create trigger append_only before update or delete or truncate on purchase_return
    for each statement execute function refuse_change();
alter table purchase_return enable always trigger append_only;

create table purchase_return_line (
    company            text    not null,
    purchase_return_id text    not null,
    line               integer not null,
    receipt_id         text    not null,
    receipt_line       integer not null,
    sku                text    not null,
    quantity           numeric not null check (quantity > 0),
    accrued            numeric not null check (accrued >= 0),
    net                numeric not null check (net >= 0),
    tax                numeric not null check (tax >= 0),
    residual           numeric not null,
    stock              numeric not null,
    primary key (company, purchase_return_id, line),
    foreign key (company, purchase_return_id) references purchase_return,
    foreign key (company, receipt_id, receipt_line) references receipt_match,
    constraint return_line_adds_up check (stock = accrued + net + residual)
);
create trigger append_only before update or delete or truncate on purchase_return_line
    for each statement execute function refuse_change();
alter table purchase_return_line enable always trigger append_only;

-- What a return took off which bill line.
create table purchase_return_credit (
    company             text    not null,
    supplier_invoice_id text    not null,
    invoice_line        integer not null,
    purchase_return_id  text    not null,
    return_line         integer not null,
    quantity            numeric not null check (quantity > 0),
    net                 numeric not null check (net >= 0),
    tax                 numeric not null check (tax >= 0),
    primary key (company, supplier_invoice_id, invoice_line, purchase_return_id, return_line),
    foreign key (company, supplier_invoice_id, invoice_line) references supplier_invoice_line,
    foreign key (company, purchase_return_id, return_line) references purchase_return_line
);
create trigger append_only before update or delete or truncate on purchase_return_credit
    for each statement execute function refuse_change();
alter table purchase_return_credit enable always trigger append_only;
