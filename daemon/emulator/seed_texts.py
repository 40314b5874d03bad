# ruff: noqa: RUF001, E501 - the whole point of this file is letters that look alike, and texts as they come
"""Names and texts of many scripts for seeded records, awkward ones among them. Deterministic, given a dice."""

from __future__ import annotations

import random

PEOPLE: tuple[tuple[str, str], ...] = (
    ("Ann", "Lee"), ("John", "O'Brien"), ("José", "García Márquez"), ("Zoë", "Brontë"), ("Søren", "Kierkegård"),
    ("Łukasz", "Wójcik"), ("Anh", "Nguyễn"), ("Игорь", "Соколов"), ("Олена", "Ковальчук"), ("Νίκος", "Παπαδόπουλος"),
    ("محمد", "الأحمد"), ("فاطمة", "بن علي"), ("דוד", "כהן"), ("राजेश", "शर्मा"), ("अनन्या", "मिश्रा"), ("கவிதா", "முருகன்"),
    ("สมชาย", "ใจดี"), ("王", "小明"), ("李", "娜"), ("太郎", "山田"), ("さくら", "佐藤"), ("민준", "김"), ("서연", "박"),
    ("ანა", "ბერიძე"), ("Արամ", "Պետրոսյան"), ("አበበ", "ቢቂላ"), ("আনিকা", "চৌধুরী"), ("ਗੁਰਪ੍ਰੀਤ", "ਸਿੰਘ"), ("Mary Jane", "van der Berg-Smith"),
    ("Émile", "D'Été"), ("Ümit", "Çelik"), ("Siobhán", "Ní Bhriain"),
)  # fmt: skip
COMPANIES: tuple[str, ...] = (
    "Acme", "Globex & Söhne", "Initech, Inc.", "Umbrella \"Labs\"", "Стройка", "Ελληνική Εταιρεία", "شركة النور", "חברת הים",
    "भारत उद्योग", "சென்னை தொழில்", "ไทยการค้า", "北京科技", "株式会社さくら", "한국상사", "O'Neil / Partners", "Café Ñandú", "Big\\Slash",
    "100% Wool", "A+B=C", "Nordwind AG", "Tata Steel Works", "Pão de Açúcar", "Müller & Co. KG", "#1 Movers",
)  # fmt: skip
CITIES: tuple[tuple[str, str, str], ...] = (
    ("Chennai", "Tamil Nadu", "India"), ("मुंबई", "Maharashtra", "India"), ("San José", "California", "United States"),
    ("München", "Bayern", "Germany"), ("東京", "東京都", "Japan"), ("São Paulo", "SP", "Brazil"), ("Αθήνα", "Αττική", "Greece"),
    ("الرياض", "الرياض", "Saudi Arabia"), ("Київ", "Київ", "Ukraine"), ("Montréal", "Québec", "Canada"),
)  # fmt: skip
AWKWARD: tuple[str, ...] = (
    "  leading and trailing  ", "comma, separated, values", "=HYPERLINK(\"http://example.com\",\"click\")", "+1+1", "@SUM(A1:A9)",
    "back\\slash \\n not a newline", "line one\nline two\r\nline three", "tab\there", "quote ' and \" and `", "''double''",
    "emoji 👍🏽 family 👨\u200d👩\u200d👧\u200d👦 flag 🇮🇳 heart ❤️\u200d🔥", "combining e\u0301 a\u0308 n\u0303 vs é ä ñ", "rtl \u202bשלום\u202c mark \u200f",
    "zero\u200bwidth\u200cjoiners", "<script>alert(1)</script>", "${jndi:ldap://x}", "{\"json\": [1, 2]}", "NULL", "null", "-None-x",
    "%s %d %n", "https://example.com/?a=1&b=2#c", "100 % sure; drop table leads;--", "ﷺ ligature", "Ｆｕｌｌｗｉｄｔｈ", "𝔉𝔯𝔞𝔨𝔱𝔲𝔯 astral", "İstanbul ı I i",
    "ß ẞ ſ", "ไม่มีเว้นวรรคในประโยคนี้", "नमस्ते दुनिया", "\u00a0non-breaking\u00a0",
)  # fmt: skip
_SENTENCES: tuple[str, ...] = (
    "Met at the trade fair and asked for a quote. ", "Звонить после обеда. ", "お打ち合わせは来週です。", "客户要求下周发货。", "ग्राहक ने नमूना माँगा। ",
    "العميل يفضل البريد الإلكتروني. ", "Prefers e-mail, \"never\" the phone. ", "다음 주에 다시 연락. ", "Πολύ καλός πελάτης. ", "🚀 ready to buy! ",
)  # fmt: skip


def description(dice: random.Random) -> str | None:
    """A free text: mostly absent or short, sometimes awkward, now and then very long (at most 32,000 characters)."""
    chance = dice.random()
    if chance < 0.35:
        return None
    if chance < 0.80:
        return "".join(dice.choices(_SENTENCES, k=dice.randint(1, 4))).strip()
    if chance < 0.985:
        return dice.choice(AWKWARD)
    size = dice.choice((2_001, 8_000, 31_999, 32_000))
    return (dice.choice(_SENTENCES) * (size // 10 + 1))[:size].rstrip().ljust(size, "…")


def phone(dice: random.Random) -> str:
    """A phone number in one of the usual spellings."""
    number = dice.randint(10**8, 10**9 - 1)
    return dice.choice(
        (f"+91 {number}", f"+1 ({number % 900 + 100}) 555-{number % 10_000:04d}", f"0{number}", f"{number}-12")
    )


def email(dice: random.Random, serial: int) -> str:
    """An address; nearly always its own."""
    if dice.random() < 0.004:
        return f"info{dice.randint(1, 9)}@example.com"
    name = dice.choice(("ann", "raj.k", "first.last+crm", "x_y", "sales-team"))
    return f"{name}.{serial}@{dice.choice(('example.com', 'mail.example.org', 'example.co.in'))}"
