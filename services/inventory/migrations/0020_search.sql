-- What a product is found by: every ending of its name and of its number, as customers are in crm.
create table product_word (
    company text not null,
    word    text not null collate "C",
    sku     text not null,
    primary key (company, word, sku),
    foreign key (company, sku) references product
);
insert into product_word
select distinct p.company, substr(p.said, place, 40), p.sku
from (
    select company, sku, lower(normalize(name, nfkc)) as said from product
    union all
    select company, sku, lower(normalize(sku, nfkc)) from product
) as p cross join lateral generate_series(1, length(p.said)) as place
where substr(p.said, place, 1) <> ' ';
grant select, insert on product_word to fenlu_service;

-- The same of suppliers.
create table supplier_word (
    company     text not null,
    word        text not null collate "C",
    supplier_id text not null,
    primary key (company, word, supplier_id),
    foreign key (company, supplier_id) references supplier
);
insert into supplier_word
select distinct s.company, substr(s.said, place, 40), s.supplier_id
from (
    select company, supplier_id, lower(normalize(name, nfkc)) as said from supplier
    union all
    select company, supplier_id, lower(normalize(supplier_id, nfkc)) from supplier
) as s cross join lateral generate_series(1, length(s.said)) as place
where substr(s.said, place, 1) <> ' ';
grant select, insert on supplier_word to fenlu_service;

-- Purchase orders by their day; stocktakes by theirs.
create index purchase_order_newest on purchase_order (company, ordered_on, purchase_id);
create index purchase_order_state_newest on purchase_order (company, state, ordered_on, purchase_id);
create index stock_count_newest on stock_count (company, counted_on, count_id);
