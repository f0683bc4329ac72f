"""Writes python.json: what Python itself makes of JSON values.

    python3 plugin/pyvalue/testdata/make_python.py
"""

import json
import sys
from pathlib import Path

LIMIT = 4300

VALUES = [
    # no numbers
    "null", "true", "false", "[]", "{}", '{"a": 0}', "[0]", '[1, "b", [null]]', '{"k": 1.0}', '{"b": true, "a": "it\'s"}',
    # numbers
    "0", "-0", "7", "-12", "18446744073709551615", "18446744073709551616", "9007199254740993", "1" + "0" * 308, "1" + "0" * 309,
    "-1" + "0" * 400,
    "0.0", "-0.0", "0.0e5", "1.0", "1.50", "1.7", "-1.7", "4.9", "0.1", "1e3", "1E3", "1e15", "1e16", "1e22", "1e23", "0.0001",
    "0.00001", "-2.5e-7", "1e-400",
    "1e400", "-1e400", "1.7976931348623157e308", "5e-324", "123456789012345678", "123456789012345.678", "0.30000000000000004",
    # texts
    *map(json.dumps, [
        "", " ", "a", "it's", '\'"', '"', "a\\b\n\t\r", "\x01ä\u200b😀", "\U000e0001", "\xa0\xad", "\u2028", "\x7f", "x" * 300,
        "0", "-0", "12", " 12 ", "\t12\n", "\x1c12\x1f", "\x1c１２\x1f", "\v12\f", "\x8512", "\u300012\xa0", "\ufeff12", "+5", "-5",
        "--5", "+-5", "- 5", "5-", "007", "-007", "1 2",
        "1_000", " -1_000 ", "1__0", "_1", "1_", "-_1", "1_0_0", "1_a", "0_0", "1._5", "1_.5", "1_0.2_5", "1e1_0", "1e_1", "1_e1", "1e-1_0",
        "0x10", "0b1", "0o7", "0x1p-2", "0X1P3", "1p3", "1L", "1j", "1f", "true", "True", "false", "None", "null",
        "1.5", ".5", "5.", ".", "", "1e3", "1E3", "1e", "e1", "1e+3", "1e--3", "+.5", "-.5e-1", "1,5", "1.2.3", "2.5e1", "1e400",
        "-1e400", "1e-400",
        "inf", "-inf", "+inf", "Infinity", "-Infinity", "INFINITY", "infinit", "in_f", "nan", "-nan", "+nan", "NaN", "nan(1)", "--nan",
        "i", "n",
        "٣", "१२३", "１２", "-４２", "٣.٥", "𝟙𝟚", "²", "Ⅷ", "1²", "一", "abc", "12abc", "\x00", "12\x00", "é" * 210, "'" * 250,
        "9" * LIMIT, "9" * (LIMIT + 1), "0" * (LIMIT + 1), "-" + "9" * LIMIT, "9_" * (LIMIT - 1) + "9", "9" * 400,
    ]),
]

PAIRS = ["null", "true", "false", "0", "1", "-0", "1.0", "0.0", "-0.0", "-1", "0.5", "0.1", "0.10",
         '"1"', '"a"', '""', "[]", "{}", '[1, "a"]', '[true, "a"]', "[1]", "[1, 2]", '{"a": 1}', '{"a": 1.0}', '{"b": 1}',
         "18446744073709551615", "18446744073709551616", "9007199254740993", "9007199254740992.0", "1e308", "1" + "0" * 308, "1e400",
         "2e400", "-1e400"]


def answer(function, value):
    """What function says, or what it raises. The advice on the limit of digits is of no use outside of Python."""
    try:
        return {"value": repr(function(value))}
    except (TypeError, ValueError, OverflowError) as e:
        text = str(e)
        if text.startswith("Exceeds the limit"):
            text = text[0].lower() + text[1:].partition(";")[0]
        return {"error": text}


def one(text):
    value = json.loads(text)
    if str(value) != (value if isinstance(value, str) else repr(value)):
        sys.exit(f"str of {text} is neither the text itself nor its repr, which is what the test takes it for")
    return {"json": text, "type": type(value).__name__, "repr": repr(value),
            "bool": bool(value), "int": answer(int, value), "float": answer(float, value)}


def two(a, b):
    x, y = json.loads(a), json.loads(b)
    pair = {"a": a, "b": b, "equal": x == y}
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        pair["compare"] = (x > y) - (x < y)
    return pair


def main():
    if sys.get_int_max_str_digits() != LIMIT:
        sys.exit(f"the limit of digits is {sys.get_int_max_str_digits()}, and not Python's own of {LIMIT}")
    golden = {"python": ".".join(map(str, sys.version_info[:2])), "values": [one(v) for v in dict.fromkeys(VALUES)],
              "pairs": [two(a, b) for i, a in enumerate(PAIRS) for b in PAIRS[i:]]}
    lines = ["{", f'"python": {json.dumps(golden["python"])},']
    for key in ("values", "pairs"):
        rows = ",\n".join(json.dumps(row) for row in golden[key])
        lines.append(f'"{key}": [\n{rows}\n]' + ("," if key == "values" else ""))
    lines.append("}")
    (Path(__file__).parent / "python.json").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
