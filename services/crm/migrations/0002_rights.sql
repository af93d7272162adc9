-- What the service may do with its tables (see shared/migrations/0003_rights.sql).
grant select on all tables in schema public to fenlu_service;
grant insert on company, contact, document to fenlu_service;
grant insert, update on
    customer, communication, complaint, product, customer_order, customer_account, customer_purchase
    to fenlu_service;
grant insert, delete on customer_word to fenlu_service;
