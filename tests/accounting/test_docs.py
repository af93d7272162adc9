"""The page about posting rules is made of the packs and examples, and is as they are now."""

from pathlib import Path

import pytest

from services.accounting import docs, packs


def test_the_page_is_not_stale() -> None:
    made = docs.page(packs.proven_packs(), docs.examples())
    assert made == docs.PAGE.read_text(encoding="utf-8"), "run `python -m services.accounting docs`"


def test_the_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "PAGE", tmp_path / "page.md")
    assert docs.write() == 0
    page = docs.PAGE.read_text(encoding="utf-8")
    assert "| 1405 库存商品 | Merchandise inventory | 3000.00 |  | 50 | product P-1, warehouse main |" in page
    assert "> 2.1 入库: 借 库存现金/应付账款, 贷 商品库存\n>\n> 2.2 出库: 借 商品库存, 贷 库存现金/应付账款" in page


def test_an_example_of_another_shape_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.md").write_text("# odd\n", encoding="utf-8")
    monkeypatch.setattr(docs, "EXAMPLES", tmp_path)
    with pytest.raises(ValueError, match=r"^odd\.md: wants"):
        docs.examples()
