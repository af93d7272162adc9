-- What the service may do with its tables: moves and documents only grow (see shared/migrations/0003_rights.sql).
grant select on all tables in schema public to fenlu_service;
grant insert on
    company, product, negative_stock, stock_move, stock_adjustment, opening, receipt, receipt_line, shipment, goods_return,
    stock_count, stock_count_line, stock_count_approval, supplier_invoice_line, supplier_payment,
    supplier_payment_allocation, purchase_return, purchase_return_line, purchase_return_credit
    to fenlu_service;
grant insert, update on
    stock, known_cost, fulfilment, fulfilment_line, supplier, purchase_order, purchase_order_line, receipt_match,
    supplier_invoice
    to fenlu_service;
