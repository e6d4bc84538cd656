#!/usr/bin/env python3
"""Writes src/text/unicode_tables.cpp: where the Unicode data behind `tokenizers` differs from PCRE2's and utf8proc's.

`tokenizers` matches its regexes with Unicode 16 (Oniguruma) and normalises with Unicode 9 or so, PCRE2 10.42 knows
Unicode 14 (as does Python 3.11, with which this script has to run) and utf8proc 2.8 Unicode 15.
Usage: python3.11 scripts/unicode_tables.py > src/text/unicode_tables.cpp
"""
import ctypes
import ctypes.util
import sys
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

assert unicodedata.unidata_version == "14.0.0", "run with Python 3.11, whose Unicode version is PCRE2's"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cf".split()


def members(pattern):
    """The code points that a one-character regex of `tokenizers` matches."""
    splitter = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    found = set()
    for start in range(0, len(CODE_POINTS), 2048):
        for piece, _ in splitter.pre_tokenize_str("".join(map(chr, CODE_POINTS[start:start + 2048]))):
            found.update(map(ord, piece))
    return found


def ranges(items):
    """Consecutive code points with an equal value -> (first, last, value)."""
    out = []
    for code, value in sorted(items):
        if out and out[-1][1] == code - 1 and out[-1][2] == value:
            out[-1] = (out[-1][0], code, value)
        else:
            out.append((code, code, value))
    return out


def utf8_length(code):
    return len(chr(code).encode())


def stand_in(category, length, han):
    if han:
        return 0x20000 if length == 4 else 0x4E00
    for code in CODE_POINTS:
        if unicodedata.category(chr(code)) == category and utf8_length(code) == length and code >= 0x80:
            return code
    raise SystemExit(f"no stand-in for {category} of {length} bytes")


def recent():
    han = members(r"\p{Han}")
    out, cache = [], {}
    for category in CATEGORIES:
        for code in members(r"\p{%s}" % category):
            if unicodedata.category(chr(code)) == "Cn":
                key = (category, utf8_length(code), code in han and category == "Lo")
                if key not in cache:
                    cache[key] = stand_in(*key)
                out.append((code, cache[key]))
    return ranges(out)


class Utf8proc:
    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
        self.lib.utf8proc_map.restype = ctypes.c_ssize_t

    def lower(self, code):
        return self.lib.utf8proc_tolower(code)

    def map(self, text, options):
        data, out = text.encode(), ctypes.c_void_p()
        size = self.lib.utf8proc_map(data, ctypes.c_ssize_t(len(data)), ctypes.byref(out), options)
        return ctypes.string_at(out.value, size).decode()


def unnormalized():
    """Code points that utf8proc decomposes or reorders and `tokenizers` leaves alone."""
    stable, compat, compose, decompose = 1 << 1, 1 << 2, 1 << 3, 1 << 4
    proc = Utf8proc()
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    out = []
    for code in CODE_POINTS:
        char = chr(code)
        if proc.map(char, stable | decompose) != nfd.normalize_str(char) or \
           proc.map(char, stable | compat | decompose) != nfkd.normalize_str(char):
            out.append((code, 0))
            parts = unicodedata.normalize("NFD", char)
            if len(parts) > 1:  # nor may its parts be composed
                out.append((ord(parts[-1]), 0))
            continue
        pair = ["a" + char + "\u0334", "a\u0345" + char]
        if any(proc.map(s, stable | decompose) != s and nfd.normalize_str(s) == s for s in pair):
            out.append((code, 0))
    return ranges(out)


def lowered():
    """Code points whose lower case utf8proc does not know, with the distance to it."""
    proc, lowercase = Utf8proc(), normalizers.Lowercase()
    out = []
    for code in CODE_POINTS:
        lower = lowercase.normalize_str(chr(code))
        if len(lower) == 1 and ord(lower) != proc.lower(code):
            out.append((code, ord(lower) - code))
    return ranges(out)


def main():
    print("""// Written by scripts/unicode_tables.py; do not edit.
#include "text/unicode.h"

namespace r1 {
// clang-format off""")
    print("\nconst RecentRange recent_ranges[] = {")
    rows = recent()
    for first, last, value in rows:
        print(f"    {{0x{first:X}, 0x{last:X}, 0x{value:X}}},")
    print("};\nconst size_t recent_range_count = sizeof(recent_ranges) / sizeof(recent_ranges[0]);")
    print("\nconst CodePointRange unnormalized_ranges[] = {")
    for first, last, _ in unnormalized():
        print(f"    {{0x{first:X}, 0x{last:X}}},")
    print("};\nconst size_t unnormalized_range_count = sizeof(unnormalized_ranges) / sizeof(unnormalized_ranges[0]);")
    print("\nconst LowercaseRange lowercase_ranges[] = {")
    for first, last, distance in lowered():
        print(f"    {{0x{first:X}, 0x{last:X}, {distance}}},")
    print("};\nconst size_t lowercase_range_count = sizeof(lowercase_ranges) / sizeof(lowercase_ranges[0]);")
    print("// clang-format on\n\n}  // namespace r1")


if __name__ == "__main__":
    main()
