"""What looks like an identifier of a person or an account. `firewall` has the table of kinds.

Wherever there are check digits they are checked: a column's name that merely has many digits is
none. Numbers without check digits count only when they are written as people write them.

>>> kind_in("iban_GB82WEST12345698765432"), kind_in("V14 lag 28d mean")
('an IBAN', None)
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

START, END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
GAP = "[ ._-]"
# Of the digits between a UUID's hyphens some look like a phone number.
ALONE, TO_THE_END = r"(?<![A-Za-z0-9])(?<![A-Za-z0-9]-)", r"(?!-?[A-Za-z0-9])"

EMAIL = re.compile(
    r"[A-Za-z0-9._%+-]@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
    r"|[A-Za-z0-9][ _-]at[ _-][A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:com|org|net|edu|gov)\b"
)
IBAN = re.compile(
    f"{START}[A-Za-z]{{2}}[0-9]{{2}}"
    f"(?:[A-Za-z0-9]{{11,30}}|(?:{GAP}[A-Za-z0-9]{{4}}){{2,7}}(?:{GAP}[A-Za-z0-9]{{1,4}})?){END}"
)
CARD = re.compile(
    f"{START}(?:[0-9]{{13,19}}|[0-9]{{4}}(?:{GAP}[0-9]{{4}}){{2,3}}(?:{GAP}[0-9]{{1,4}})?"
    f"|[0-9]{{4}}{GAP}[0-9]{{6}}{GAP}[0-9]{{4,5}}){END}"
)
# A brand's first digits, and how many digits its numbers may have.
BRANDS = [
    (re.compile("4"), {13, 16, 19}),
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile("3[47]"), {15}),
    (re.compile("3(?:0[0-5]|[689])"), {14}),
    (re.compile("6011|64[4-9]|65|62|35(?:2[89]|[3-8])"), {16, 17, 18, 19}),
]
PHONE = re.compile(
    rf"\+[1-9](?:[ ().-]{{0,2}}[0-9]){{7,14}}{END}"
    rf"|{START}00[1-9][0-9]{{9,12}}{END}"
    rf"|{ALONE}0[1-9][0-9]{{1,3}}[ /-][0-9]{{3,4}}[ -]?[0-9]{{3,4}}{TO_THE_END}"
    rf"|{ALONE}\(?[2-9][0-9]{{2}}\)?[ ._-][2-9][0-9]{{2}}[ ._-][0-9]{{4}}{TO_THE_END}"
)
SSN = re.compile(rf"{START}(?!000|666|9)[0-9]{{3}}([ _-])(?!00)[0-9]{{2}}\1(?!0000)[0-9]{{4}}{END}")
NINO = re.compile(
    rf"{START}(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    rf"({GAP}?)[0-9]{{2}}\1[0-9]{{2}}\1[0-9]{{2}}\1[A-D]{END}"
)
ELEVEN = re.compile(
    f"{START}(?:[0-9]{{11}}|[0-9]{{2}}{GAP}[0-9]{{3}}{GAP}[0-9]{{3}}{GAP}[0-9]{{3}}){END}"
)
NIR = re.compile(
    rf"{START}[12]({GAP}?)[0-9]{{2}}\1(?:0[1-9]|1[0-2]|[2-4][0-9])\1(?:[0-9]{{2}}|2[AB])"
    rf"\1[0-9]{{3}}\1[0-9]{{3}}\1[0-9]{{2}}{END}"
)

# Country and length of its IBANs, as the registry of SWIFT lists them.
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}


def kind_in(text: str) -> str | None:
    """The kind of the first identifier found, with its article; None if there is none."""
    upper = text.upper()
    for kind, pattern, is_one in KINDS:
        for found in pattern.finditer(upper if pattern in (IBAN, NINO, NIR) else text):
            if is_one(re.sub(GAP, "", found[0])):
                return kind
    return None


def is_iban(text: str) -> bool:
    """The country's length, and 1 modulo 97 once the first four stand last, A = 10."""
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def is_card(digits: str) -> bool:
    """A brand's digits, and Luhn: every second digit from the right doubled, the sum ends in 0."""
    values = [int(c) for c in reversed(digits)]
    doubled = [2 * v - 9 * (v > 4) for v in values[1::2]]
    known = any(first.match(digits) and len(digits) in lengths for first, lengths in BRANDS)
    return known and (sum(values[::2]) + sum(doubled)) % 10 == 0


def is_steuer_id(digits: str) -> bool:
    """One of the first ten digits occurs twice or thrice, no other twice; ISO 7064, MOD 11,10."""
    repeated = [n for n in Counter(digits[:10]).values() if n > 1]
    if digits[0] == "0" or repeated not in ([2], [3]):
        return False
    rest = 10
    for c in digits[:10]:
        rest = 2 * ((int(c) + rest) % 10 or 10) % 11
    return (11 - rest) % 10 == int(digits[10])


def is_pesel(digits: str) -> bool:
    """A day, whose month tells the century too; the weighted sum of all digits ends in 0."""
    month, day = int(digits[2:4]) % 20, int(digits[4:6])
    weights: Sequence[int] = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    total = sum(weight * int(c) for weight, c in zip(weights, digits, strict=True))
    return 1 <= month <= 12 and 1 <= day <= 31 and total % 10 == 0


def is_nir(text: str) -> bool:
    """The key is 97 less the number's rest; Corsica's 2A and 2B count as 19 and 18."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97 == int(text[13:])


def _anyway(text: str) -> bool:
    return True


KINDS: list[tuple[str, re.Pattern[str], Callable[[str], bool]]] = [
    ("an e-mail address", EMAIL, _anyway),
    ("an IBAN", IBAN, is_iban),
    ("a card number", CARD, is_card),
    ("a French NIR", NIR, is_nir),
    ("a US social security number", SSN, _anyway),
    ("a British national insurance number", NINO, _anyway),
    ("a German tax number", ELEVEN, is_steuer_id),
    ("a Polish PESEL", ELEVEN, is_pesel),
    ("a phone number", PHONE, _anyway),
]
