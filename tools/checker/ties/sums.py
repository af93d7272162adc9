"""What both sides of a tie are: balances by customer, supplier, product and warehouse, or in all."""

from decimal import Decimal
from typing import Any

Sums = dict[Any, Decimal]
