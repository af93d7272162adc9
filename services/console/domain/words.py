"""An amount in Chinese capital figures (人民币大写), as the total of a voucher is written."""

import re
from decimal import Decimal

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿", "万亿")


def in_capitals(amount: Decimal) -> str:
    """1050.30 -> 壹仟零伍拾元叁角整; below zero 负 stands first. Amounts have at most two decimals."""
    cents = int(abs(amount) * 100)
    whole, (jiao, fen) = cents // 100, divmod(cents % 100, 10)
    text = f"{_whole(whole)}元" if whole else ""
    if jiao:
        text += f"{DIGITS[jiao]}角"
    elif fen and whole:
        text += "零"
    text += f"{DIGITS[fen]}分" if fen else "整"
    return ("负" if amount < 0 else "") + (text if cents else "零元整")


def _whole(number: int) -> str:
    """Every digit with its place; zeros in a row are said once, and none before 万 and 亿 or at the end."""
    digits = str(number)
    groups = [digits[max(0, end - 4):end] for end in range(len(digits), 0, -4)]
    text = ""
    for place, group in reversed(list(enumerate(groups))):
        said = "".join(DIGITS[int(d)] + (PLACES[len(group) - 1 - i] if d != "0" else "") for i, d in enumerate(group))
        text += (re.sub("零+$", "", said) + GROUPS[place] + ("零" if said.endswith("零") else "")
                 if int(group) else "零")
    return re.sub("零+", "零", text).rstrip("零")
