// Answers in words.
#include <algorithm>

#include "algebra/comparer.h"
#include "algebra/words.h"
#include "core/ascii.h"

namespace r1::algebra {
namespace {

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string plain(std::string_view text) {
    std::string low;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {  // a command of style is no word; another one is
            size_t end = i + 1;
            while (end < text.size() &&
                   ((text[end] >= 'a' && text[end] <= 'z') || (text[end] >= 'A' && text[end] <= 'Z')))
                ++end;
            const auto command = find_command(text.substr(i + 1, end - i - 1));
            const bool style = command && command->type != CommandType::sign &&
                               command->type != CommandType::name && command->type != CommandType::function &&
                               command->type != CommandType::constant;
            if (end > i + 1 && style) {
                i = end - 1;
                continue;
            }
            if (end > i + 1) low += text.substr(i + 1, end - i - 1);
            i = std::max(end - 1, i + 1);
            continue;
        }
        const char c = text[i];
        low += ascii_lower(c);
    }
    for (const std::string_view article : {"the ", "a ", "an "})
        if (low.starts_with(article) && !low.starts_with("a and ")) low.erase(0, article.size());
    for (const std::string_view join : {", and ", " and ", " & "})
        for (size_t at = low.find(join); at != std::string::npos; at = low.find(join))
            low.replace(at, join.size(), "&");
    std::string out;
    // brackets matter in what is maths in all but form: "t(0,4]"
    const bool brackets = low.find(',') != std::string::npos && std::any_of(low.begin(), low.end(), is_digit);
    for (size_t i = 0; i < low.size(); ++i) {
        const char c = low[i];
        if (brackets && std::string_view("()[]").find(c) != std::string_view::npos) out += c;
        if (is_alphanumeric(c) || std::string_view("+-*/^=<>!%_&").find(c) != std::string_view::npos)
            out += c;
        // a separator counts between two things, a point between digits
        const char before = out.empty() ? ' ' : out.back(), after = i + 1 < low.size() ? low[i + 1] : ' ';
        if ((c == ',' && !out.empty()) ||
            ((c == ':' || c == ';') && !out.empty() && is_alphanumeric(after)) ||
            (c == ' ' && is_digit(before) && is_digit(after)) ||
            (c == '.' && is_digit(before) && is_digit(after)))
            out += c;
    }
    while (!out.empty() && (out.back() == ',' || out.back() == '.' || out.back() == '&')) out.pop_back();
    return out;
}

std::vector<std::string> sorted_items(const std::string& words) {
    std::vector<std::string> items(1);
    for (const char c : words)
        if (c == ',' || c == '&')
            items.emplace_back();
        else
            items.back() += c;
    std::sort(items.begin(), items.end());
    return items;
}

}  // namespace

std::string plain_words(const Expr& e) {
    switch (e.kind) {
        case Kind::text:
        case Kind::symbol: {
            const std::string words = plain(e.name);
            for (const std::string_view none :
                 {"nosolution", "nosolutions", "norealsolution", "norealsolutions", "emptyset", "none",
                  "therearenosolutions", "thereisnosolution", "therearenorealsolutions", "nosolutionexists",
                  "nosolutionsexist"})
                if (words == none) return "empty";
            for (const std::string_view endless :
                 {"infinity", "positiveinfinity", "infinite", "infinitelymany", "infinitelymanysolutions"})
                if (words == endless) return "inf";
            if (words == "dne") return "doesnotexist";
            if (words == "allrealnumbers" || words == "allreals" || words == "realnumbers") return "reals";
            return words;
        }
        case Kind::constant:
            return e.name;
        case Kind::number:
            return e.value->get_den() == 1 ? e.value->get_str() : "";
        case Kind::list:
        case Kind::tuple: {
            std::string all;
            for (const Expr& a : e.args) {
                const std::string part = plain_words(a);
                if (part.empty()) return "";
                all += (all.empty() ? "" : e.name == "&" ? "&" : ",") + part;
            }
            return all;
        }
        default:
            return "";
    }
}

bool same_words(const std::string& gold, const std::string& answer) {
    if (gold == answer) return true;
    if (gold.find('&') == std::string::npos && answer.find('&') == std::string::npos) return false;
    return sorted_items(gold) == sorted_items(answer);
}

}  // namespace r1::algebra
