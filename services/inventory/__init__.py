"""inventory (库存): products, the stock ledger, reservations, receipts and shipments at moving-average cost."""
