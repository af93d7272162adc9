"""Sheets: vouchers, opening balances and accounts come in whole or not at all, and go out in the same columns."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from services.accounting.api import router
from services.accounting.handlers import service
from services.accounting.sheets import writing
from services.accounting.sheets.command import KINDS, import_id, main
from services.accounting.sheets.reading import CHART, PAYABLES, RECEIVABLES, SheetError, read
from shared.db import Pool
from shared.events.accounting import CheckVoucher, PostVoucher, SignVoucher
from shared.events.policies import ApprovePolicyChange
from shared.testing import ask
from tests.accounting import examples
from tests.accounting.doors import door, trade
from tests.shared.front import app_of, served, token

HEAD = "日期,凭证字,凭证号,附单据数,摘要,科目代码,科目名称,借方金额,贷方金额,币别,数量"
RENT = [
    "2025-03-31,记,1,2,三月房租,5602,管理费用,\"5,000.00\",,CNY,",
    "2025-03-31,记,1,,三月房租,1002,银行存款,,5000.00,,",
    "2025/4/1,记,2,1,提现,1001,库存现金,300,,CNY,",
    "2025/4/1,记,2,,提现,1002,银行存款,,300,,",
]


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with door(pool) as found:
        assert (await ask(pool, service, examples.open_books())).ok
        yield found


def sheet(folder: Path, *rows: str, encoding: str = "utf-8-sig", head: str = HEAD) -> Path:
    path = folder / "vouchers.csv"
    path.write_bytes("\r\n".join([head, *rows]).encode(encoding))
    return path


async def send(client: httpx2.AsyncClient, kind: str, path: Path, key: str = "K1") -> httpx2.Response:
    body = {"import_id": import_id(path), "rows": read(path, KINDS[kind].layout)}
    return await client.post(f"/imports/{kind}", json=body, headers={"Idempotency-Key": key})


def errors(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code in (409, 422), answer.text
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


async def finish(pool: Pool, draft_id: str) -> None:
    """Somebody else checks it, the cashier signs, and it is posted."""
    for command, who in ((CheckVoucher(draft_id=draft_id), "wang"), (SignVoucher(draft_id=draft_id), "chen"),
                         (PostVoucher(draft_id=draft_id), "wang")):
        assert (await ask(pool, service, command, actor=who)).ok


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_a_sheet_is_read_in_the_usual_encodings(tmp_path: Path, encoding: str) -> None:
    rows = read(sheet(tmp_path, *RENT, "", encoding=encoding))
    assert rows[0] == {"row": 2, "on": "2025-03-31", "word": "记", "number": "1", "attachments": 2,
                       "summary": "三月房租", "account": "5602", "debit": "5000.00", "currency": "CNY"}
    assert [row["row"] for row in rows] == [2, 3, 4, 5]
    assert rows[2]["on"] == "2025-04-01"


def test_a_workbook_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "vouchers.xlsx"
    workbook = xlsxwriter.Workbook(str(path))
    page = workbook.add_worksheet()
    page.write_row(0, 0, ["Date", "Account", "Debit", "摘要", ""])
    page.write_datetime(1, 0, date(2025, 3, 31), workbook.add_format({"num_format": "yyyy-mm-dd"}))
    page.write_row(1, 1, [5602, 0.1, "=1+1"])
    workbook.close()
    (row,) = read(path)
    assert (row["on"], row["account"], row["debit"]) == ("2025-03-31", "5602", "0.1")


def test_what_cannot_be_read_is_named_by_row_and_column(tmp_path: Path) -> None:
    with pytest.raises(SheetError) as wrong:
        read(sheet(tmp_path, "2025-02-30,记,1,x,房租,5602,,1e,,CNY,", RENT[1]))
    assert [text.zh for text in wrong.value.problems] == [
        "第 2 行 日期：2025-02-30 不是日期（如 2025-01-31）", "第 2 行 附单据数：x 不是数字",
        "第 2 行 借方金额：1e 不是数字"]
    assert wrong.value.problems[0].en == "row 2, Date: 2025-02-30 is not a date, such as 2025-01-31"
    with pytest.raises(SheetError, match="there is no column `借方金额元`"):
        read(sheet(tmp_path, head="日期,科目代码,借方金额元"))
    (tmp_path / "no.xlsx").write_bytes(b"no workbook")
    with pytest.raises(SheetError, match="neither CSV"):
        read(tmp_path / "no.xlsx")


async def test_the_command_line_imports_a_file_once(
    pool: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the person whose token it has; what is wrong is said, and so is that nobody answers."""
    assert (await ask(pool, service, examples.open_books())).ok
    key = tmp_path / "token"
    key.write_text(token("accountant"))

    async def imported(path: Path, url: str) -> tuple[int, str]:
        done = await asyncio.to_thread(main, ["vouchers", str(path), "--url", url, "--token-file", str(key),
                                              "--language", "en"])
        said = capsys.readouterr()
        return done, said.out + said.err

    async with served(app_of(service, router, pool)) as url:
        path = sheet(tmp_path, *RENT)
        done, said = await imported(path, url)
        assert (done, "2 drafts" in said) == (0, True), said
        assert await imported(path, url) == (0, said), "the same file again is the same request"
        done, said = await imported(sheet(tmp_path, RENT[0]), url)
        assert (done, said.splitlines()) == (1, [
            "row 2, Number: a voucher has at least two lines", "row 2, Debit: debits less credits are 5000.00"])
        done, said = await imported(sheet(tmp_path, RENT[0], "2025-03-31,记,1,,三月房租,,银行存款,,5000.00,,"), url)
        assert (done, said) == (1, "row 3, Account: Field required\n"), "also what the door finds"
    done, said = await imported(path, url)
    assert (done, "nothing is imported twice" in said) == (1, True), said
    assert await pool.fetchval("select count(*) from draft") == 2


async def test_a_sheet_becomes_drafts_that_somebody_else_checks(
    client: httpx2.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    path = sheet(tmp_path, *RENT)
    answer = await send(client, "vouchers", path)
    drafts = [event["data"]["draft_id"] for event in answer.json()["events"]]
    assert (answer.status_code, drafts) == (201, [f"{import_id(path)}-1", f"{import_id(path)}-2"])
    assert await pool.fetchval("select count(*) from voucher") == 0
    await finish(pool, drafts[0])
    rows = await pool.fetch("select account, side, amount, summary from voucher_line order by line")
    assert [tuple(row) for row in rows] == [
        ("5602", "D", 5000, "三月房租"), ("1002", "C", 5000, "三月房租")]
    assert await pool.fetchval("select attachments from voucher") == 2
    assert errors(await send(client, "vouchers", path, "K2")) == {
        "import_id": f"{import_id(path)} was imported already"}
    assert (await send(client, "vouchers", path)).status_code == 201  # the same request again gets the same answer
    assert await pool.fetchval("select count(*) from draft") == 2


async def test_every_fault_is_named_and_nothing_is_kept(
    client: httpx2.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    path = sheet(
        tmp_path, *RENT,
        "2025-04-02,记,3,,无附件,5602,,1,,CNY,", "2025-04-02,记,3,,,1122,,,2,USD,".replace(",,,1122", ",,无,1122"),
        "2025-04-03,记,4,1,一行,9999,,,,CNY,", "2024-12-31,记,5,1,太早,5602,,1,,,", "2024-12-31,记,5,,太早,1002,,,1,,",
    )
    found = errors(await send(client, "vouchers", path))
    assert found["rows.4.attachments"] == "row 6, Attachments: a voucher has at least one attachment"
    assert found["rows.4.debit"] == "row 6, Debit: debits less credits are -1"
    assert found["rows.5.account"].startswith("row 7, Account: account 1122 is a control account")
    assert "USD" in found["rows.5.currency"]
    assert found["rows.6.debit"] == "row 8, Debit: there is an amount on one side, debit or credit"
    assert found["rows.6.number"] == "row 8, Number: a voucher has at least two lines"
    assert found["rows.7.on"].startswith("row 9, Date: the month of 2024-12-31 is closed")
    assert await pool.fetchval("select count(*) from draft") == 0


async def test_opening_balances_stand_against_the_opening_account(
    client: httpx2.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    head = "科目编码,科目名称,期初借方,期初贷方"
    rows = ("1002,银行存款,800.00,", "1601,固定资产,500,", "2001,短期借款,,300", "1101,短期投资,0,")
    path = sheet(tmp_path, *rows, head=head)
    (event,) = (await send(client, "opening-balances", path)).json()["events"]
    assert (event["data"]["on"], await pool.fetchval("select count(*) from voucher")) == ("2025-01-01", 0)
    await finish(pool, event["data"]["draft_id"])
    balances = await pool.fetch("select account, sum(case side when 'D' then amount else -amount end) as balance "
                                "from voucher_line group by 1 order by 1")
    assert {row["account"]: row["balance"] for row in balances} == {
        "1002": Decimal(800), "1601": Decimal(500), "2001": Decimal(-300), "3199": Decimal(-1000)}
    control = sheet(tmp_path, "1405,库存商品,1,", head=head)
    assert list(errors(await send(client, "opening-balances", control, "K2"))) == ["rows.0.account"]


RECEIVABLE_HEAD = "客户编码,客户名称,单据编号,单据日期,到期日,期初余额,币别,备注"
OWED = ["C-7,某某公司,XS-1,2024/11/20,2024-12-20,\"5,650.00\",CNY,", "C-8,,SK-2,2024-12-01,,-800,,预收"]


def test_openings_of_receivables_are_read_in_the_usual_columns(tmp_path: Path) -> None:
    path = sheet(tmp_path, *OWED, head=RECEIVABLE_HEAD, encoding="gb18030")
    assert read(path, RECEIVABLES) == [
        {"row": 2, "customer_id": "C-7", "document": "XS-1", "dated": "2024-11-20", "due_on": "2024-12-20",
         "amount": "5650.00", "currency": "CNY"},
        {"row": 3, "customer_id": "C-8", "document": "SK-2", "dated": "2024-12-01", "amount": "-800"},
    ]
    (row,) = read(sheet(tmp_path, "S1,CG-1,2024-11-20,1", head="Supplier,单号,业务日期,未付金额"), PAYABLES)
    assert (row["supplier_id"], row["document"], row["amount"]) == ("S1", "CG-1", "1")
    with pytest.raises(SheetError, match="there is no column `客户编码`"):
        read(sheet(tmp_path, *OWED, head=RECEIVABLE_HEAD), PAYABLES)
    with pytest.raises(SheetError, match="among them `Document date`"):
        read(sheet(tmp_path, head="客户,单据号,金额"), RECEIVABLES)
    with pytest.raises(SheetError, match="第 2 行 到期日：明天 不是日期"):
        read(sheet(tmp_path, "C-7,XS-1,2024-11-20,明天,1", head="客户,单据号,日期,到期日,金额"), RECEIVABLES)


async def test_vouchers_go_out_in_the_same_columns(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trade(pool)
    monkeypatch.setattr(writing, "PAGE", 2)
    wanted = await pool.fetch(
        """
        select v.word || v.number as voucher, l.account, sum(l.amount) filter (where l.side = 'D') as debit,
               sum(l.amount) filter (where l.side = 'C') as credit
        from voucher_line l join voucher v using (company, ledger, seq)
        where v.period = '2025-03' and word <> '备' group by 1, 2 order by 1, 2
        """
    )
    async with door(pool) as client:
        text = await client.get("/periods/2025-03/vouchers.csv")
        book = await client.get("/periods/2025-03/vouchers.xlsx")
        assert (await client.get("/periods/2025-03/vouchers.pdf")).status_code == 422
    assert text.content.startswith(b"\xef\xbb\xbf")
    path = tmp_path / "out.csv"
    path.write_bytes(text.content)
    rows = read(path)
    assert _sums(rows) == {(row["voucher"], row["account"]): (row["debit"] or 0, row["credit"] or 0) for row in wanted}
    stock = next(row for row in rows if row["account"] == "1405" and row.get("quantity"))
    assert stock["product"]
    cells = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert len(cells) == len(rows) + 1
    (tmp_path / "out.xlsx").write_bytes(book.content)
    assert _sums(read(tmp_path / "out.xlsx")) == _sums(rows)


def _sums(rows: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    found: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for row in rows:
        key = f"{row['word']}{row['number']}", row["account"]
        debit, credit = found.get(key, (Decimal(0), Decimal(0)))
        found[key] = debit + Decimal(row.get("debit", 0)), credit + Decimal(row.get("credit", 0))
    return found


# -- the chart --------------------------------------------------------------------------------------------------------

CHART_HEAD = "科目编码,科目名称,英文名,科目类别,余额方向"
BELOW_RENT = ["5602,管理费用,,费用,借", "560201,房租,Rent,,借", "560202,差旅费,,,", "56020201,机票,Flights,,借方"]


async def test_accounts_come_by_sheet_as_a_proposal_that_somebody_else_approves(
    client: httpx2.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    path = sheet(tmp_path, *BELOW_RENT, head=CHART_HEAD)
    answer = await send(client, "accounts", path)
    assert answer.status_code == 201, answer.text
    (event,) = answer.json()["events"]
    assert (event["data"]["kind"], event["data"]["proposal_id"]) == ("mapping", import_id(path))
    approve = ApprovePolicyChange(proposal_id=import_id(path))
    assert await pool.fetchval("select count(*) from account where code like '5602__%'") == 0
    assert (await ask(pool, service, approve)).status == 403, "nobody approves what they proposed"
    assert errors(await send(client, "accounts", path, "K2")) == {
        "import_id": f"there is a proposal {import_id(path)} already"}
    assert (await ask(pool, service, approve, actor="zhou")).ok
    rows = await pool.fetch(
        "select code, zh, en, kind, side, takes_lines from account where code like '5602%' order by 1")
    assert [tuple(row) for row in rows] == [
        ("5602", "管理费用", rows[0]["en"], "expense", "D", False), ("560201", "房租", "Rent", "expense", "D", True),
        ("560202", "差旅费", "差旅费", "expense", "D", False), ("56020201", "机票", "Flights", "expense", "D", True)]
    assert [row["kind"] for row in await pool.fetch("select kind from journal order by entry")] == ["books", "mapping"]
    assert errors(await send(client, "accounts", path, "K3")) == {"rows": "there is no change in it"}


async def test_every_fault_of_a_chart_is_named_and_nothing_is_proposed(
    client: httpx2.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    path = sheet(tmp_path, *BELOW_RENT, "5603,利息,,,", "57110101,罚款,,,", "560203,,,,贷", "56021,错,,,",
                 "560201,房租,,,", head=CHART_HEAD)
    rows, found = read(path, CHART), errors(await send(client, "accounts", path))
    assert found == {
        "rows.4.account_name": "row 6, Account name: account 5603 is in the chart as `财务费用`, and is not renamed",
        "rows.5.account": "row 7, Account: account 57110101 has no account above it",
        "rows.6.account_name": "row 8, Account name: has to be filled in",
        "rows.6.side": "row 8, Balance side: account 560203 is a debit account, as the one above",
        "rows.7.account": "row 9, Account: account 56021 has four digits, and two more per level",
        "rows.8.account": "row 10, Account: 560201 stands there twice",
    }
    bank = sheet(tmp_path, BELOW_RENT[1], "100201,工行,ICBC,,借", head=CHART_HEAD)
    assert errors(await send(client, "accounts", bank, "K2")) == {"rows.1.account": (
        "row 3, Account: account 1002 will take no lines; map role bank to one of the accounts below it")}
    one = sheet(tmp_path, BELOW_RENT[1], "560203,水电,,,贷", head=CHART_HEAD)
    assert list(errors(await send(client, "accounts", one, "K3"))) == ["rows.1.side"]
    answer = await client.post(
        "/imports/accounts", json={"import_id": "x", "rows": rows},
        headers={"Idempotency-Key": "K9", "Accept-Language": "zh"})
    assert "第 7 行 科目编码：科目 57110101 没有上级科目" in answer.text
    assert await pool.fetchval("select count(*) from proposal") == 0
    with pytest.raises(SheetError, match="row 2, Balance side: 左 is neither debit nor credit"):
        read(sheet(tmp_path, "560201,房租,,,左", head=CHART_HEAD), CHART)
    with pytest.raises(SheetError, match="there is no column `余额方向`"):
        read(sheet(tmp_path, head=CHART_HEAD))


async def test_the_chart_goes_out_and_comes_in_longer(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """In both forms every account stands there, and the sheet says nothing new until a row is added to it."""
    whole = (await client.get("/accounts")).json()["accounts"]
    for form in ("csv", "xlsx"):
        path = tmp_path / f"chart.{form}"
        path.write_bytes((await client.get(f"/accounts.{form}")).content)
        rows = read(path, CHART)
        assert [(row["account"], row["account_name"], row["account_name_en"], row["side"]) for row in rows] == [
            (row["code"], row["zh"], row["en"], row["side"]) for row in whole]
    assert errors(await send(client, "accounts", path)) == {"rows": "there is no change in it"}
    more = {"row": len(rows) + 2, "account": "560201", "account_name": "房租"}
    answer = await client.post("/imports/accounts", json={"import_id": "longer", "rows": [*rows, more]},
                               headers={"Idempotency-Key": "K2"})
    assert answer.status_code == 201, answer.text


def test_no_text_is_a_formula() -> None:
    assert writing._safe("summary", "=1+1") == "'=1+1"
    assert writing._safe("debit", "-1.00") == "-1.00"
