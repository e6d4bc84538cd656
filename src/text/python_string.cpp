#include "text/python_string.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdio>

#include "core/check.h"
#include "text/unicode.h"

namespace r1::python {
namespace {

utf8proc_category_t category(char32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

std::vector<char32_t> code_points(std::string_view text) {
    std::vector<char32_t> out;
    for (size_t position = 0; position < text.size();) out.push_back(next_code_point(text, position));
    return out;
}

// Upper-case forms of several characters (Unicode's SpecialCasing, the common ones).
std::string_view long_upper(char32_t c) {
    switch (c) {
        case 0xDF:
            return "SS";
        case 0x149:
            return "\xCA\xBCN";
        case 0x1F0:
            return "J\xCC\x8C";
        case 0x587:
            return "\xD4\xB5\xD5\x92";
        case 0xFB00:
            return "FF";
        case 0xFB01:
            return "FI";
        case 0xFB02:
            return "FL";
        case 0xFB03:
            return "FFI";
        case 0xFB04:
            return "FFL";
        case 0xFB05:
        case 0xFB06:
            return "ST";
        default:
            return "";
    }
}

bool is_cased(char32_t c) {
    auto kind = category(c);
    return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL || kind == UTF8PROC_CATEGORY_LT;
}

void append_upper(std::string& out, char32_t c) {
    std::string_view special = long_upper(c);
    if (!special.empty())
        out += special;
    else
        append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
}

void append_title(std::string& out, char32_t c) {
    std::string_view special = long_upper(c);
    if (special.empty())
        return append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
    size_t first = 0;
    next_code_point(special, first);
    out += special.substr(0, first);
    out += lower(special.substr(first));
}

// A sigma that ends a word has a form of its own.
char32_t lower_at(const std::vector<char32_t>& text, size_t i) {
    if (text[i] != 0x3A3)
        return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(text[i])));
    auto ignorable = [](char32_t c) {
        auto kind = category(c);
        return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2019 ||
               kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME || kind == UTF8PROC_CATEGORY_CF ||
               kind == UTF8PROC_CATEGORY_LM || kind == UTF8PROC_CATEGORY_SK;
    };
    size_t before = i, behind = i + 1;
    while (before > 0 && ignorable(text[before - 1])) --before;
    while (behind < text.size() && ignorable(text[behind])) ++behind;
    bool ends_word =
        before > 0 && is_cased(text[before - 1]) && !(behind < text.size() && is_cased(text[behind]));
    return ends_word ? 0x3C2 : 0x3C3;
}

void append_lower(std::string& out, const std::vector<char32_t>& text, size_t i) {
    if (text[i] == 0x130)
        out += "i\xCC\x87";
    else
        append_utf8(out, lower_at(text, i));
}

bool is_line_end(char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

std::vector<std::string> split_spaces(std::string_view text, int64_t max_splits, bool from_right) {
    struct Range {
        size_t begin, end;
    };
    std::vector<Range> words;
    bool inside = false;
    for (size_t position = 0; position < text.size();) {
        size_t begin = position;
        bool space = is_space(next_code_point(text, position));
        if (!space && !inside) words.push_back({begin, 0});
        if (!space) words.back().end = position;
        inside = !space;
    }
    std::vector<std::string> out;
    auto limit = max_splits < 0 ? words.size() : static_cast<size_t>(max_splits);
    if (words.size() <= limit) {
        for (const Range& word : words) out.emplace_back(text.substr(word.begin, word.end - word.begin));
        return out;
    }
    if (from_right) {  // the rest on the left stays whole
        size_t rest = words.size() - limit;
        out.push_back(strip(text.substr(0, words[rest - 1].end), Side::right));
        for (size_t i = rest; i < words.size(); ++i)
            out.emplace_back(text.substr(words[i].begin, words[i].end - words[i].begin));
        return out;
    }
    for (size_t i = 0; i < limit; ++i)
        out.emplace_back(text.substr(words[i].begin, words[i].end - words[i].begin));
    out.push_back(std::string(text.substr(words[limit].begin)));
    return out;
}

}  // namespace

bool is_space(char32_t c) {
    return r1::is_space(c) || (c >= 0x1C && c <= 0x1F);
}

std::string repr(std::string_view text) {
    char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
    std::string out(1, quote);
    for (size_t position = 0; position < text.size();) {
        char32_t c = next_code_point(text, position);
        auto kind = category(c);
        bool printable = c == ' ' || !(kind == UTF8PROC_CATEGORY_CN || kind >= UTF8PROC_CATEGORY_ZS);
        if (c == static_cast<char32_t>(quote) || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
        } else if (printable) {
            append_utf8(out, c);
        } else {
            char buffer[16];
            std::snprintf(buffer, sizeof buffer,
                          c < 0x100     ? "\\x%02x"
                          : c < 0x10000 ? "\\u%04x"
                                        : "\\U%08x",
                          static_cast<unsigned>(c));
            out += buffer;
        }
    }
    return out + quote;
}

std::string upper(std::string_view text) {
    std::string out;
    for (size_t position = 0; position < text.size();) append_upper(out, next_code_point(text, position));
    return out;
}

std::string lower(std::string_view text) {
    std::vector<char32_t> points = code_points(text);
    std::string out;
    for (size_t i = 0; i < points.size(); ++i) append_lower(out, points, i);
    return out;
}

std::string capitalize(std::string_view text) {
    std::vector<char32_t> points = code_points(text);
    std::string out;
    for (size_t i = 0; i < points.size(); ++i)
        i == 0 ? append_title(out, points[i]) : append_lower(out, points, i);
    return out;
}

std::string title(std::string_view text) {
    std::vector<char32_t> points = code_points(text);
    std::string out;
    bool inside = false;
    for (size_t i = 0; i < points.size(); ++i) {
        inside ? append_lower(out, points, i) : append_title(out, points[i]);
        inside = is_cased(points[i]);
    }
    return out;
}

std::string swapcase(std::string_view text) {
    std::vector<char32_t> points = code_points(text);
    std::string out;
    for (size_t i = 0; i < points.size(); ++i)
        category(points[i]) == UTF8PROC_CATEGORY_LU ? append_lower(out, points, i)
                                                    : append_upper(out, points[i]);
    return out;
}

std::string strip(std::string_view text, Side side, std::optional<std::string_view> characters) {
    std::vector<char32_t> set = code_points(characters.value_or(""));
    auto drop = [&](char32_t c) {
        return characters ? std::find(set.begin(), set.end(), c) != set.end() : is_space(c);
    };
    while (side != Side::right && !text.empty()) {
        size_t next = 0;
        if (!drop(next_code_point(text, next))) break;
        text.remove_prefix(next);
    }
    while (side != Side::left && !text.empty()) {
        size_t last = text.size() - 1;
        while ((text[last] & 0xC0) == 0x80) --last;
        size_t at = last;
        if (!drop(next_code_point(text, at))) break;
        text = text.substr(0, last);
    }
    return std::string(text);
}

std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator,
                               int64_t max_splits, bool from_right) {
    if (!separator) return split_spaces(text, max_splits, from_right);
    check(!separator->empty(), "empty separator");
    std::vector<std::string> out;
    while (max_splits != 0) {
        size_t at = from_right ? text.rfind(*separator) : text.find(*separator);
        if (at == text.npos) break;
        std::string_view left = text.substr(0, at), right = text.substr(at + separator->size());
        out.emplace_back(from_right ? right : left);
        text = from_right ? left : right;
        --max_splits;
    }
    out.emplace_back(text);
    if (from_right) std::reverse(out.begin(), out.end());
    return out;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
    std::vector<std::string> out;
    size_t begin = 0;
    for (size_t position = 0; position < text.size();) {
        size_t at = position;
        char32_t c = next_code_point(text, position);
        if (!is_line_end(c)) continue;
        if (c == '\r' && position < text.size() && text[position] == '\n') ++position;
        out.emplace_back(text.substr(begin, (keep_ends ? position : at) - begin));
        begin = position;
    }
    if (begin < text.size()) out.emplace_back(text.substr(begin));
    return out;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t count) {
    std::string out;
    size_t position = 0;
    while (count != 0) {
        size_t at = text.find(from, position);
        if (at == text.npos) break;
        out += text.substr(position, at - position);
        out += to;
        position = at + from.size();
        --count;
        if (from.empty()) {  // between all characters
            if (position == text.size()) return out;
            size_t next = position;
            next_code_point(text, next);
            out += text.substr(position, next - position);
            position = next;
        }
        check(out.size() <= size_t{64} << 20, "replace makes too long a text");
    }
    out += text.substr(position);
    return out;
}

int64_t find(std::string_view text, std::string_view part, bool last) {
    size_t at = last ? text.rfind(part) : text.find(part);
    return at == text.npos ? -1 : static_cast<int64_t>(count_code_points(text.substr(0, at)));
}

int64_t count(std::string_view text, std::string_view part) {
    if (part.empty()) return static_cast<int64_t>(count_code_points(text)) + 1;
    int64_t total = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++total;
    return total;
}

std::string pad(std::string_view text, int64_t width, Side side, std::string_view fill) {
    check(count_code_points(fill) == 1, "the fill character must be exactly one character long");
    int64_t missing = width - static_cast<int64_t>(count_code_points(text));
    if (missing <= 0) return std::string(text);
    check(missing <= 1 << 20, "a width of ", width, " is too large");
    int64_t left = side == Side::left    ? 0
                   : side == Side::right ? missing
                                         : missing / 2 + (missing & width & 1);
    std::string out;
    for (int64_t i = 0; i < left; ++i) out += fill;
    out += text;
    for (int64_t i = left; i < missing; ++i) out += fill;
    return out;
}

std::optional<bool> classify(std::string_view text, std::string_view method) {
    std::vector<char32_t> points = code_points(text);
    auto all = [&](auto test) { return !points.empty() && std::all_of(points.begin(), points.end(), test); };
    auto alpha = [](char32_t c) {
        return category(c) >= UTF8PROC_CATEGORY_LU && category(c) <= UTF8PROC_CATEGORY_LO;
    };
    auto decimal = [](char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; };
    auto digit = [&](char32_t c) {  // decimals, and superscript and circled digits
        return decimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
               (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) ||
               (c >= 0x2474 && c <= 0x247C) || (c >= 0x2488 && c <= 0x2490);
    };
    if (method == "isalpha") return all(alpha);
    if (method == "isdecimal") return all(decimal);
    if (method == "isdigit") return all(digit);
    if (method == "isnumeric") return all([&](char32_t c) { return is_numeric(c); });
    if (method == "isalnum") return all([&](char32_t c) { return alpha(c) || is_numeric(c); });
    if (method == "isspace") return all([](char32_t c) { return is_space(c); });
    if (method == "isupper" || method == "islower") {
        auto wanted = method == "isupper" ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL;
        bool any = false;
        for (char32_t c : points) {
            if (is_cased(c) && category(c) != wanted) return false;
            any |= category(c) == wanted;
        }
        return any;
    }
    return std::nullopt;
}

std::vector<size_t> slice_indices(size_t size, std::optional<int64_t> start, std::optional<int64_t> stop,
                                  int64_t step) {
    check(step != 0, "slice step cannot be zero");
    auto length = static_cast<int64_t>(size);
    auto bound = [&](std::optional<int64_t> value, int64_t otherwise) {
        if (!value) return otherwise;
        int64_t at = *value < 0 ? (*value < -length ? -1 : *value + length) : *value;
        return step > 0 ? std::clamp<int64_t>(at, 0, length) : std::clamp<int64_t>(at, -1, length - 1);
    };
    int64_t first = bound(start, step > 0 ? 0 : length - 1), last = bound(stop, step > 0 ? length : -1);
    std::vector<size_t> out;
    while (step > 0 ? first < last : first > last) {
        out.push_back(static_cast<size_t>(first));
        if (step > length || step < -length) break;
        first += step;
    }
    return out;
}

std::string slice(std::string_view text, std::optional<int64_t> start, std::optional<int64_t> stop,
                  int64_t step) {
    std::vector<char32_t> points = code_points(text);
    std::string out;
    for (size_t index : slice_indices(points.size(), start, stop, step)) append_utf8(out, points[index]);
    return out;
}

}  // namespace r1::python
