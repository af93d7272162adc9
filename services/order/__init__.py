"""Sales orders (销售订单): taking them, credit, what deliveries are worth, invoices, receipts, settlement."""
