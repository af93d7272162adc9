-- Goods that came back, red invoices, and money that went back.

-- What was delivered with an order's line; what came back is valued as a share of it.
create table delivery_line (
    company      text    not null,
    delivery_id  text    not null,
    line         integer not null,
    sku          text    not null,
    quantity     numeric not null check (quantity > 0),
    net          numeric not null,
    tax          numeric not null,
    returned     numeric not null default 0,
    returned_net numeric not null default 0,
    returned_tax numeric not null default 0,
    primary key (company, delivery_id, line),
    foreign key (company, delivery_id) references delivery,
    constraint no_more_returned_than_delivered check (returned between 0 and quantity),
    constraint returned_net_within_line check (returned_net between 0 and net),
    constraint returned_tax_within_line check (returned_tax between 0 and tax)
);

-- `invoice_id` is the delivery's invoice at that moment: it is what a credit note corrects. Without one the return only
-- lowers the invoice that is still to come.
create table sale_return (
    company     text    not null,
    return_id   text    not null,
    delivery_id text    not null,
    order_id    text    not null,
    customer_id text    not null,
    returned_on date    not null,
    currency    text    not null,
    net         numeric not null check (net >= 0),
    tax         numeric not null check (tax >= 0),
    gross       numeric not null,
    invoice_id  text,
    primary key (company, return_id),
    foreign key (company, delivery_id) references delivery,
    foreign key (company, invoice_id) references invoice,
    constraint return_adds_up check (gross = net + tax)
);
create index sale_return_order on sale_return (company, order_id);
create trigger append_only before update or delete or truncate on sale_return
    for each statement execute function refuse_change();
alter table sale_return enable always trigger append_only;

create table credit_note (
    company        text    not null,
    credit_note_id text    not null,
    order_id       text    not null,
    customer_id    text    not null,
    issued_on      date    not null,
    currency       text    not null,
    net            numeric not null,
    tax            numeric not null,
    gross          numeric not null,
    primary key (company, credit_note_id),
    foreign key (company, order_id) references sales_order,
    constraint credit_note_adds_up check (gross = net + tax)
);
create index credit_note_order on credit_note (company, order_id);
create trigger append_only before update or delete or truncate on credit_note
    for each statement execute function refuse_change();
alter table credit_note enable always trigger append_only;

-- Which credit note covers a return: one, for ever.
create table credited_return (
    company        text not null,
    return_id      text not null,
    credit_note_id text not null,
    primary key (company, return_id),
    foreign key (company, return_id) references sale_return,
    foreign key (company, credit_note_id) references credit_note
);
create trigger append_only before update or delete or truncate on credited_return
    for each statement execute function refuse_change();
alter table credited_return enable always trigger append_only;

create table refund (
    company       text    not null,
    refund_id     text    not null,
    customer_id   text    not null,
    order_id      text,
    paid_on       date    not null,
    currency      text    not null,
    amount        numeric not null check (amount > 0),
    from_returns  numeric not null check (from_returns >= 0),
    from_advances numeric not null check (from_advances >= 0),
    primary key (company, refund_id),
    foreign key (company, customer_id) references customer,
    foreign key (company, order_id) references sales_order,
    constraint refund_adds_up check (amount = from_returns + from_advances)
);
create trigger append_only before update or delete or truncate on refund
    for each statement execute function refuse_change();
alter table refund enable always trigger append_only;

-- What was paid back: the credit of a delivery, or what was left of a receipt. `order_id` is that one's.
create table refund_part (
    company     text    not null,
    refund_id   text    not null,
    part        integer not null check (part > 0),
    delivery_id text,
    payment_id  text,
    order_id    text,
    amount      numeric not null check (amount > 0),
    primary key (company, refund_id, part),
    foreign key (company, refund_id) references refund,
    foreign key (company, delivery_id) references delivery,
    foreign key (company, payment_id) references payment,
    constraint pays_back_one_thing check (num_nonnulls(delivery_id, payment_id) = 1)
);
create index refund_part_order on refund_part (company, order_id) where order_id is not null;
create trigger append_only before update or delete or truncate on refund_part
    for each statement execute function refuse_change();
alter table refund_part enable always trigger append_only;
