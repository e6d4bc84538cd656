#include "report/terminal_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace r1 {
namespace {

struct Character {
    int32_t code = -1;  // -1: a broken byte
    size_t size = 1;
};

Character decode(std::string_view text, size_t at) {
    utf8proc_int32_t code = -1;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at);
    const utf8proc_ssize_t left = static_cast<utf8proc_ssize_t>(text.size() - at);
    const utf8proc_ssize_t size = utf8proc_iterate(bytes, std::min<utf8proc_ssize_t>(left, 4), &code);
    if (size <= 0) return {};
    return {code, static_cast<size_t>(size)};
}

// Control, format (bidirectional overrides, joiners), surrogate, private and unassigned characters have no
// width that terminals agree on; variation selectors change the width of what stands before them.
bool is_shown(int32_t code) {
    if (code >= 0xFE00 && code <= 0xFE0F) return false;
    switch (utf8proc_category(code)) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return false;
        default:
            return true;
    }
}

int width_of(const Character& character) {
    return character.code < 0 ? 1 : utf8proc_charwidth(character.code);
}

// The longest prefix of text[from..] that takes at most `columns`; returns its end.
size_t fit(std::string_view text, size_t from, int columns) {
    size_t at = from;
    for (int used = 0; at < text.size();) {
        const Character character = decode(text, at);
        used += width_of(character);
        if (used > columns) break;
        at += character.size;
    }
    return at;
}

std::string with_format(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const Character character = decode(text, at);
        if (character.code < 0) {
            out += "\uFFFD";
        } else if (character.code == '\n' || is_shown(character.code)) {
            out += text.substr(at, character.size);
        } else if (character.code == '\t') {
            out += ' ';
        }
        at += character.size;
    }
    return out;
}

int display_width(std::string_view text) {
    int width = 0;
    for (size_t at = 0; at < text.size();) {
        const Character character = decode(text, at);
        width += width_of(character);
        at += character.size;
    }
    return width;
}

std::string clip(std::string_view text, int columns) {
    if (columns <= 0) return "";
    if (display_width(text) <= columns) return std::string(text);
    return std::string(text.substr(0, fit(text, 0, columns - 1))) + "…";
}

std::vector<std::string> wrap(std::string_view text, int columns) {
    columns = std::max(columns, 2);
    std::vector<std::string> lines;
    for (size_t start = 0; start <= text.size();) {
        const size_t newline = std::min(text.find('\n', start), text.size());
        const std::string_view paragraph = text.substr(start, newline - start);
        start = newline + 1;
        size_t at = 0;
        do {
            size_t end = fit(paragraph, at, columns);
            size_t next = end;
            if (end < paragraph.size()) {
                const size_t space = paragraph.rfind(' ', end);
                if (space != std::string_view::npos && space > at) end = next = space;
                while (next < paragraph.size() && paragraph[next] == ' ') ++next;
            }
            lines.emplace_back(paragraph.substr(at, end - at));
            at = next;
        } while (at < paragraph.size());
    }
    return lines;
}

std::string_view style_begin(Style style) {
    switch (style) {
        case Style::plain:
            return "";
        case Style::dim:
            return "\x1b[2m";
        case Style::bold:
            return "\x1b[1m";
        case Style::good:
            return "\x1b[32m";
        case Style::bad:
            return "\x1b[31m";
        case Style::accent:
            return "\x1b[36m";
        case Style::second:
            return "\x1b[33m";
    }
    return "";
}

Line& Line::add(std::string_view text, Style style) {
    const std::string shown = clip(text, columns_ - width_);
    if (shown.empty()) return *this;
    const bool styled = color_ && style != Style::plain;
    if (styled) text_ += style_begin(style);
    text_ += shown;
    if (styled) text_ += style_end;
    width_ += display_width(shown);
    return *this;
}

Line& Line::right(std::string_view text, int width, Style style) {
    to(width_ + std::max(0, width - display_width(text)));
    return add(text, style);
}

Line& Line::to(int column) {
    const int spaces = std::min(column, columns_) - width_;
    if (spaces > 0) {
        text_.append(static_cast<size_t>(spaces), ' ');
        width_ += spaces;
    }
    return *this;
}

std::string format_number(double value) {
    const double size = std::fabs(value);
    if (!std::isfinite(value)) return "–";
    if (size >= 999.5e9) return with_format("%.2g", value);
    if (size >= 999.5e6) return with_format("%.3g G", value / 1e9);
    if (size >= 999.5e3) return with_format("%.3g M", value / 1e6);
    if (size >= 9999.5) return with_format("%.3g k", value / 1e3);
    if (value == std::round(value) || size >= 999.5) return with_format("%.0f", value);
    if (size >= 9.995) return with_format("%.1f", value);
    if (size >= 0.9995) return with_format("%.2f", value);
    if (size >= 0.001) return with_format("%.3f", value);
    return with_format("%.1e", value);
}

std::string format_percent(double share) {
    return std::isfinite(share) ? with_format("%.1f %%", 100 * share) : "–";
}

std::string format_duration(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "–";
    const long long all = std::llround(seconds);
    char text[32];
    if (all < 3600) {
        std::snprintf(text, sizeof text, "%lld:%02lld", all / 60, all % 60);
    } else {
        std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", all / 3600, all / 60 % 60, all % 60);
    }
    return text;
}

std::string format_count(long long count) {
    const std::string digits = std::to_string(count);
    std::string text;
    for (size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0 && digits[i - 1] != '-') text += ',';
        text += digits[i];
    }
    return text;
}

}  // namespace r1
