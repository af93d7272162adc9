-- What the service may do with its tables: documents that were issued only grow (see shared/migrations/0003_rights.sql).
grant select on all tables in schema public to fenlu_service;
grant insert on company, product, invoice, allocation, sale_return, credit_note, credited_return, refund, refund_part
    to fenlu_service;
grant insert, update on customer, sales_order, order_line, delivery, delivery_line, payment to fenlu_service;
