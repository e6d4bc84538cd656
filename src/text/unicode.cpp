#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/check.h"

namespace r1 {
namespace {

enum class Utf8Kind { valid, ill_formed, incomplete };

struct Utf8Step {
    Utf8Kind kind;
    size_t size;  // of the character, of the maximal ill-formed part, or of the incomplete rest
};

// Unicode 15, table 3-7. `bytes` is not empty.
Utf8Step utf8_step(std::string_view bytes) {
    auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    unsigned char lead = at(0);
    if (lead < 0x80) return {Utf8Kind::valid, 1};
    if (lead < 0xC2 || lead > 0xF4) return {Utf8Kind::ill_formed, 1};
    size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (size_t i = 1; i < size; ++i) {
        if (i == bytes.size()) return {Utf8Kind::incomplete, i};
        if (at(i) < low || at(i) > high) return {Utf8Kind::ill_formed, i};
        low = 0x80, high = 0xBF;
    }
    return {Utf8Kind::valid, size};
}

template <class Range>
const Range* find_range(const Range* begin, size_t count, char32_t code_point) {
    const Range* end = begin + count;
    const Range* found = std::lower_bound(
        begin, end, code_point, [](const Range& range, char32_t value) { return range.last < value; });
    return found != end && found->first <= code_point ? found : nullptr;
}

bool is_unnormalized(char32_t code_point) {
    return find_range(unnormalized_ranges, unnormalized_range_count, code_point) != nullptr;
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

utf8proc_category_t category_of(char32_t code_point) {
    if (const RecentRange* range = find_range(recent_ranges, recent_range_count, code_point))
        code_point = range->stand_in;
    return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

// Appends the full decomposition of one code point.
void decompose(char32_t code_point, utf8proc_option_t options, std::vector<utf8proc_int32_t>& out) {
    utf8proc_int32_t buffer[32];  // the longest one has 18
    int boundary = 0;
    auto count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), buffer, 32, options, &boundary);
    check(count >= 0 && count <= 32, "normalising U+", std::hex, static_cast<uint32_t>(code_point),
          " failed");
    out.insert(out.end(), buffer, buffer + count);
}

int combining_class(utf8proc_int32_t code_point) {
    return utf8proc_get_property(code_point)->combining_class;
}

// Orders and, if asked, composes a run that has no code point of unnormalized_ranges, then appends it.
void flush_run(std::vector<utf8proc_int32_t>& run, bool compose, std::string& out) {
    for (size_t i = 0; i < run.size();
         ++i) {  // canonical order: sort each run of combining marks by class, stably
        if (combining_class(run[i]) == 0) continue;
        size_t end = i;
        while (end < run.size() && combining_class(run[end]) != 0) ++end;
        std::stable_sort(run.begin() + static_cast<std::ptrdiff_t>(i),
                         run.begin() + static_cast<std::ptrdiff_t>(end),
                         [](auto a, auto b) { return combining_class(a) < combining_class(b); });
        i = end;
    }
    auto size = static_cast<utf8proc_ssize_t>(run.size());
    if (compose && size > 0)
        size = utf8proc_normalize_utf32(run.data(), size,
                                        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    for (utf8proc_ssize_t i = 0; i < size; ++i)
        append_utf8(out, static_cast<char32_t>(run[static_cast<size_t>(i)]));
    run.clear();
}

}  // namespace

char32_t next_code_point(std::string_view text, size_t& position) {
    auto next = [&] { return static_cast<unsigned char>(text[position++]); };
    char32_t lead = next();
    if (lead < 0x80) return lead;
    int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    char32_t value = lead & (0x3Fu >> more);
    for (int i = 0; i < more; ++i) value = value << 6 | (next() & 0x3F);
    return value;
}

void append_utf8(std::string& out, char32_t c) {
    auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (c < 0x80) return put(c);
    if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
    if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
}

size_t count_code_points(std::string_view text) {
    return static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        Utf8Step step = utf8_step(text);
        if (step.kind != Utf8Kind::valid) return false;
        text.remove_prefix(step.size);
    }
    return true;
}

std::string to_valid_utf8(std::string_view bytes) {
    Utf8Stream stream;
    std::string out = stream.push(bytes);
    return out + stream.finish();
}

std::string Utf8Stream::push(std::string_view bytes) {
    pending_ += bytes;
    std::string out;
    out.reserve(pending_.size());
    std::string_view rest = pending_;
    while (!rest.empty()) {
        Utf8Step step = utf8_step(rest);
        if (step.kind == Utf8Kind::incomplete) break;
        if (step.kind == Utf8Kind::valid)
            out += rest.substr(0, step.size);
        else
            append_utf8(out, replacement_character);
        rest.remove_prefix(step.size);
    }
    pending_ = std::string(rest);
    return out;
}

std::string Utf8Stream::finish() {
    std::string out;
    if (!pending_.empty()) append_utf8(out, replacement_character);
    pending_.clear();
    return out;
}

bool is_space(char32_t c) {
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

bool is_numeric(char32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9';
    if ((c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6))
        return true;  // Unicode 17, as Rust has it
    auto category = category_of(c);
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
           category == UTF8PROC_CATEGORY_NO;
}

bool replace_recent_code_points(std::string_view text, std::string& out) {
    bool found = false;
    for (size_t position = 0; position < text.size();) {
        if (static_cast<unsigned char>(text[position]) < 0xE0) {  // all of them take three bytes or four
            ++position;
            continue;
        }
        size_t begin = position;
        const RecentRange* range =
            find_range(recent_ranges, recent_range_count, next_code_point(text, position));
        if (!range) continue;
        if (!found) out = text;
        found = true;
        std::string stand_in;
        append_utf8(stand_in, range->stand_in);
        out.replace(begin, position - begin, stand_in);
    }
    return found;
}

std::string normalize(std::string_view text, NormalForm form) {
    if (is_ascii(text)) return std::string(text);
    bool compose = form == NormalForm::nfc || form == NormalForm::nfkc;
    bool compat = form == NormalForm::nfkc || form == NormalForm::nfkd;
    auto options =
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0));
    std::string out;
    out.reserve(text.size());
    std::vector<utf8proc_int32_t> run;
    for (size_t position = 0; position < text.size();) {
        char32_t code_point = next_code_point(text, position);
        if (is_unnormalized(code_point)) {
            flush_run(run, compose, out);
            append_utf8(out, code_point);
        } else {
            decompose(code_point, options, run);
        }
    }
    flush_run(run, compose, out);
    return out;
}

std::string lowercase(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t position = 0; position < text.size();) {
        char32_t code_point = next_code_point(text, position);
        if (code_point == 0x130)
            out += "i\xCC\x87";  // the one character whose lower case has two: i and U+0307
        else if (const LowercaseRange* range =
                     find_range(lowercase_ranges, lowercase_range_count, code_point))
            append_utf8(out, static_cast<char32_t>(static_cast<int32_t>(code_point) + range->distance));
        else
            append_utf8(out,
                        static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
    }
    return out;
}

}  // namespace r1
