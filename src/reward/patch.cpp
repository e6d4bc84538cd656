#include "reward/patch.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/check.h"

namespace r1 {
namespace {

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

struct Hunk {
    size_t begin = 0;                     // of the old lines, from 0
    size_t old_count = 1, new_count = 1;  // as the header says
    Lines before, after;
};

size_t read_number(std::string_view& text) {
    size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    check(error == std::errc() && value < 100'000'000,
          "patch: a hunk's header is not @@ -LINE,COUNT +LINE,COUNT @@");
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return value;
}

// "LINE" or "LINE,COUNT" after the sign.
void read_range(std::string_view& text, char sign, size_t& line, size_t& count) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    check(text.starts_with(sign), "patch: a hunk's header is not @@ -LINE,COUNT +LINE,COUNT @@");
    text.remove_prefix(1);
    line = read_number(text);
    if (!text.starts_with(',')) return;
    text.remove_prefix(1);
    count = read_number(text);
}

Hunk read_header(std::string_view line) {
    Hunk hunk;
    line.remove_prefix(2);
    size_t old_line = 0, new_line = 0;
    read_range(line, '-', old_line, hunk.old_count);
    read_range(line, '+', new_line, hunk.new_count);
    check(line.starts_with(" @@"), "patch: a hunk's header is not @@ -LINE,COUNT +LINE,COUNT @@");
    hunk.begin = hunk.old_count == 0 ? old_line : old_line - std::min<size_t>(old_line, 1);
    return hunk;
}

std::vector<Hunk> read_hunks(std::string_view patch) {
    std::vector<Hunk> hunks;
    int files = 0;
    for (const std::string_view line : lines_of(patch)) {
        const bool open = !hunks.empty() && (hunks.back().before.size() < hunks.back().old_count ||
                                             hunks.back().after.size() < hunks.back().new_count);
        if (!open) {
            if (line.starts_with("--- ")) check(++files < 2, "patch: it changes several files");
            if (line.starts_with("@@ ")) {
                hunks.push_back(read_header(line));
            } else {
                const bool more =
                    !hunks.empty() && !line.empty() && (line[0] == '+' || line[0] == '-' || line[0] == ' ');
                const bool header = line.starts_with("--- ") || line.starts_with("+++ ");
                check(!more || header || line.find_first_not_of(' ') == std::string_view::npos,
                      "patch: hunk ", hunks.size(), " has more lines than its header says");
            }
            continue;
        }
        Hunk& hunk = hunks.back();
        const char mark = line.empty() ? ' ' : line[0];  // editors strip the blank of an empty line
        const std::string_view text = line.empty() ? line : line.substr(1);
        if (mark == '\\') continue;
        check(mark == ' ' || mark == '-' || mark == '+', "patch: hunk ", hunks.size(), " has the line \"",
              line.substr(0, 60), "\", which begins with neither of ' ', '-' and '+'");
        if (mark != '+') hunk.before.push_back(text);
        if (mark != '-') hunk.after.push_back(text);
    }
    check(!hunks.empty(), "patch: there is no hunk");
    for (size_t i = 0; i < hunks.size(); ++i)
        check(hunks[i].before.size() == hunks[i].old_count && hunks[i].after.size() == hunks[i].new_count,
              "patch: hunk ", i + 1, " has ", hunks[i].before.size(), " old and ", hunks[i].after.size(),
              " new lines, its header says ", hunks[i].old_count, " and ", hunks[i].new_count);
    return hunks;
}

bool fits(const Lines& source, const Hunk& hunk, size_t at) {
    return at + hunk.before.size() <= source.size() &&
           std::equal(hunk.before.begin(), hunk.before.end(),
                      source.begin() + static_cast<std::ptrdiff_t>(at));
}

size_t place_of(const Lines& source, const Hunk& hunk, size_t from, size_t number) {
    if (hunk.begin >= from && fits(source, hunk, hunk.begin)) return hunk.begin;
    check(!hunk.before.empty(), "patch: hunk ", number,
          " adds lines at a place that the source does not have");
    size_t found = source.size() + 1;
    for (size_t at = from; at < source.size(); ++at) {
        if (!fits(source, hunk, at)) continue;
        check(found > source.size(), "patch: hunk ", number,
              " has wrong line numbers and fits in several places");
        found = at;
    }
    check(found <= source.size(), "patch: hunk ", number,
          " does not fit: its old lines are not in the source");
    return found;
}

}  // namespace

bool looks_like_patch(std::string_view text) {
    return text.starts_with("@@ -") || text.find("\n@@ -") != std::string_view::npos;
}

std::string apply_patch(std::string_view source, std::string_view patch) {
    const Lines old = lines_of(source);
    Lines fresh;
    size_t at = 0, number = 0;
    for (const Hunk& hunk : read_hunks(patch)) {
        const size_t place = place_of(old, hunk, at, ++number);
        fresh.insert(fresh.end(), old.begin() + static_cast<std::ptrdiff_t>(at),
                     old.begin() + static_cast<std::ptrdiff_t>(place));
        fresh.insert(fresh.end(), hunk.after.begin(), hunk.after.end());
        at = place + hunk.before.size();
    }
    fresh.insert(fresh.end(), old.begin() + static_cast<std::ptrdiff_t>(at), old.end());
    std::string text;
    for (const std::string_view line : fresh) text.append(line).push_back('\n');
    return text;
}

}  // namespace r1
