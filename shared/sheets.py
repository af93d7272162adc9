"""Rows of sheets that commands carry: the headings of opening documents, and refusals that name row and column."""

from collections.abc import Mapping
from dataclasses import replace

from shared.refusal import Refusal, Text

# Field -> the heading of its column, as accountants know it.
OPENING_COLUMNS: Mapping[str, Text] = {
    "customer_id": Text("客户编码", "Customer"), "supplier_id": Text("供应商编码", "Supplier"),
    "document": Text("单据号", "Document"), "dated": Text("单据日期", "Document date"),
    "due_on": Text("到期日", "Due date"), "amount": Text("金额", "Amount"), "currency": Text("币别", "Currency"),
}


def named(refusal: Refusal, row: int, column: Text) -> Refusal:
    """The same refusal, beginning with the row of the sheet and the heading of the column."""
    text = Text(f"第 {row} 行 {column.zh}：{refusal.text.zh}", f"row {row}, {column.en}: {refusal.text.en}")
    return replace(refusal, text=text)
